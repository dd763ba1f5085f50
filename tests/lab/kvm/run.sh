#!/bin/bash
# SPDX-License-Identifier: MIT
# Boot a Debian host with KVM under QEMU's software emulation and run one scenario in it.
# Usage: run.sh CACHE IN OUT SECONDS KERNEL [CPUS [ARGUMENT..]]
#   CACHE   what build.sh filled
#   IN      lab/{init,{inside,lib,host,guest}.sh}; host/, more files for the host; guest/, more files for
#           its guests' initial ram disk; disk-NAME.raw: the host's /dev/vdb, /dev/vdc.. in the order of their names
#   OUT     receives console.log and what the host left in its /out
#   KERNEL  the host's: 6.1 (KVM without CONFIG_KVM_XEN) or 6.12 (with it)
#   ARGUMENT  for the scenario's scripts, on the host's kernel command line
# Exit status: that of the host script; 124 when the time is up.
. "$(dirname "$0")/../emulate.sh"
kernel=$5 cpus=${6:-1}
shift $(($# < 6 ? $# : 6))
# xsave and what rests on it: QEMU lets guests set XCR0 behind the back of KVM, which then neither reports
# nor switches it. The others: what QEMU would warn that it cannot emulate.
cpu=EPYC,-xsave,-xsaveopt,-xsavec,-xgetbv1,-avx,-avx2,-fma,-f16c
cpu=$cpu,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,-nrip-save

pack_role "$tmp/role.cpio"
mkdir -p "$tmp/host/boot"
for k in "$cache"/[0-9]*; do
	k=$(basename "$k")
	cp "$cache/$k/vmlinuz" "$tmp/host/boot/vmlinuz-$k"
	for role in guest driver; do
		{ cat "$cache/base.cpio" "$cache/$k/$role.cpio" "$tmp/role.cpio"; pack "$in/$role"; } >"$tmp/host/boot/$role-$k.cpio"
	done
done
{ cat "$cache/base.cpio" "$cache/$kernel/host.cpio" "$tmp/role.cpio"; pack "$in/host"; pack "$tmp/host"; } >"$tmp/host.cpio"
# icount: clocks follow the instructions that host and guests execute, and run some three times slower than
# the real one. So a busy machine breaks no time limit and makes no benchmark's figures worse (which want no
# idle time of the real clock in them, either).
clock=shift=1
[ "${LAB_IDLE:-}" != skip ] || clock=$clock,sleep=off
emulate -accel tcg,thread=single -icount "$clock" -cpu "$cpu" -smp "$cpus" -m 3072 -kernel "$cache/$kernel/vmlinuz" -initrd "$tmp/host.cpio" \
	-append "console=ttyS0 quiet panic=1 mitigations=off lab=host seconds=$((seconds / 3)) $*"

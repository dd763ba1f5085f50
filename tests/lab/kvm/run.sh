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
set -euo pipefail
# What QEMU would warn that it cannot emulate.
cpu=EPYC,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,-nrip-save,-xsavec
cache=$1 in=$2 out=$3 seconds=$4 kernel=$5 cpus=${6:-1}
shift $(($# < 6 ? $# : 6))
pack () { (cd "$1" && find . | "$cache/busybox" cpio -o -H newc 2>/dev/null); }

tmp=$(mktemp -d "${TMPDIR:-/tmp}/sluice-lab-XXXXXX")
qemu=
stop_qemu () { [ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true; rm -rf "$tmp"; }
trap stop_qemu EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
exec 9>"${SLUICE_LAB_LOCK:-$cache/lock}"
flock 9			# emulation takes a whole core: one lab at a time
mkdir -p "$tmp/role/lab" "$tmp/host/boot" "$out"
cp "$in"/lab/* "$tmp/role/lab/"
mv "$tmp/role/lab/init" "$tmp/role/init"
chmod +x "$tmp/role/init"
pack "$tmp/role" >"$tmp/role.cpio"
for k in "$cache"/[0-9]*; do
	k=$(basename "$k")
	cp "$cache/$k/vmlinuz" "$tmp/host/boot/vmlinuz-$k"
	for role in guest driver; do
		{ cat "$cache/base.cpio" "$cache/$k/$role.cpio" "$tmp/role.cpio"; pack "$in/guest"; } >"$tmp/host/boot/$role-$k.cpio"
	done
done
{ cat "$cache/base.cpio" "$cache/$kernel/host.cpio" "$tmp/role.cpio"; pack "$in/host"; pack "$tmp/host"; } >"$tmp/host.cpio"
truncate -s 64M "$tmp/out.raw"
drives=()
for disk in "$tmp/out.raw" "$in"/disk-*.raw; do
	[ ! -e "$disk" ] || drives+=(-drive "file=$disk,if=virtio,format=raw,cache=unsafe")
done
timeout "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -cpu "$cpu" -smp "$cpus" -m 3072 \
	-machine pc -nographic -no-reboot -nic none -nodefaults -serial stdio \
	-kernel "$cache/$kernel/vmlinuz" \
	-append "console=ttyS0 quiet panic=1 mitigations=off lab=host seconds=$((seconds * 3 / 4)) $*" \
	-initrd "$tmp/host.cpio" "${drives[@]}" \
	</dev/null >"$out/console.log" 2>&1 9>&- &
qemu=$!
status=0
wait "$qemu" || status=$?
qemu=
[ "$status" = 0 ] || exit "$status"
tar -xf "$tmp/out.raw" -C "$out" 2>/dev/null || { echo "run.sh: the host ended before it left its results" >&2; exit 1; }
exit "$(cat "$out/status" 2>/dev/null || echo 1)"

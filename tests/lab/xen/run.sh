#!/bin/bash
# SPDX-License-Identifier: MIT
# Boot Xen with a dom0 under QEMU's software emulation and run one scenario.
# Usage: run.sh CACHE IN OUT SECONDS
#   CACHE  what build.sh filled
#   IN     lab/{init,block-lab,{lib,dom0,driver,guest}.sh}; dom0/, driver/ and guest/, more files for those domains;
#          disk-NAME.raw: dom0's /dev/vdb, /dev/vdc.. in the order of their names
#   OUT    receives console.log and what dom0 left in its /out
# Exit status: that of the dom0 script; 124 when the time is up.
. "$(dirname "$0")/../emulate.sh"
arch=$(cat "$cache/arch")
# Each flag for a reason. monitor: Xen panics in its idle loop. rdtscp: guests take #GP in their delay
# loops. xsave, avx: QEMU corrupts processes once a second domain runs. smap, smep: dom0 dies early.
cpu=EPYC,-smap,-smep,-monitor,-rdtscp,-xsave,-xsaveopt,-xsavec,-xgetbv1,-avx,-avx2,-fma,-f16c

pack_role "$tmp/role.cpio"
mkdir -p "$tmp/dom0/boot"
for role in driver guest; do
	{ cat "$cache/base.cpio" "$cache/tools.cpio" "$tmp/role.cpio"; pack "$in/$role"; } >"$tmp/dom0/boot/$role.cpio"
done
ln "$cache/vmlinux" "$tmp/dom0/boot/" 2>/dev/null || cp "$cache/vmlinux" "$tmp/dom0/boot/"
mkdir -p "$tmp/dom0/etc/xen/scripts"
cp "$in/lab/block-lab" "$tmp/dom0/etc/xen/scripts/"
{ cat "$cache/base.cpio" "$cache/tools.cpio" "$cache/dom0.cpio" "$tmp/role.cpio"; pack "$tmp/dom0"; [ ! -d "$in/dom0" ] || pack "$in/dom0"; } >"$tmp/dom0.cpio"

dom0="console=hvc0 quiet panic=1 cryptomgr.notests rodata=off lab=dom0 seconds=$((seconds * 3 / 4))"
xen="dom0_mem=1024M,max:1024M dom0_max_vcpus=1 loglvl=warning guest_loglvl=warning"
case $arch in
amd64)
	set -- -cpu "$cpu" -append "console=com1 com1=115200,8n1 spec-ctrl=no xpti=no $xen" -initrd "$cache/vmlinux $dom0,$tmp/dom0.cpio"
	;;
arm64)
	# Xen for Arm finds dom0's parts by the device tree. xsm: Debian's Xen for Arm keeps guests from talking to
	# any domain but dom0 unless it is told otherwise.
	LAB_MACHINE="qemu-system-aarch64 -machine virt,virtualization=on,gic-version=3"
	set -- -cpu cortex-a57 -append "console=dtuart xsm=dummy $xen" \
		-device "guest-loader,addr=0x50000000,kernel=$cache/vmlinux,bootargs=$dom0" \
		-device "guest-loader,addr=0x58000000,initrd=$tmp/dom0.cpio"
	;;
esac
# cryptomgr.notests, rodata=off: a third of the kernel's boot is tests of itself.
# icount: the domains' clocks follow the instructions they execute, so that a busy host does not break
# the time limits of xl and of our own programs.
emulate -accel tcg,thread=single -icount shift=1 -smp 1 -m 2048 -kernel "$cache/xen" "$@"

#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, GRUB reads its configuration, a kernel and an initial ram disk from a disk that sluice-blk serves, and
# Linux, which it starts from there, takes the disk over: Debian's GRUB for PVH domains and the one for PV domains.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
lab_needs
lab_roles grub-dom0.sh blk-driver-driverd.sh blk-guest.sh
blk_programs
cp -a "$cache/grub/." "$in/dom0"
mkdir -p "$tmp/files/boot/grub"
cp "$cache/vmlinuz" "$tmp/files/boot/"
lab_ramdisk "$tmp/files/boot/initrd"
cat >"$tmp/files/boot/grub/grub.cfg" <<-'END'
	echo "GRUB has its configuration"
	linux /boot/vmlinuz console=hvc0 quiet panic=1 lab=guest seconds=900
	initrd /boot/initrd
	boot
END
blk_disk pvh pv
lab_boot 1500
grep '^LAB' "$out/console.log" | tr -d '\r'
# GRUB's protocol, the ring's layout, is its own: the one for PVH is a 32-bit program.
for type in pvh:2:x86_32-abi pv:3:x86_64-abi; do
	IFS=: read -r type domid abi <<<"$type"
	blk_check "$type" "$type"
	must_say "$type" 'GRUB has its configuration'
	grep "^/local/domain/$domid/device/vbd/51712/protocol = \"$abi\"" "$out/store-$type-grub.txt" >/dev/null ||
		fail "GRUB of type $type did not speak $abi"
	# It is not another one that Linux connects to.
	[ "$(grep -c "vbd-$domid-51712: started backend" "$out/guest-storage.log")" = 1 ] || fail "the backend was started again"
done
must_say storage 'sluice-driverd ended with status 0'

#!/bin/bash
# SPDX-License-Identifier: MIT
# A stock guest whose root is a qcow2 image and whose second disk is a logical volume; disks in other formats come
# and go while it runs. Backends and format servers are killed under its load.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
. "$lab/lvm.sh"
for tool in qemu-img qemu-nbd; do
	command -v $tool >/dev/null || skip "the test of formats needs $tool; as root: apt-get install qemu-utils"
done
lab_needs
lab_scripts formats-host.sh formats-guest.sh
lab_sluice
lab_copy "$in/host" "$(command -v qemu-nbd)" /usr/bin/qemu-nbd
lab_copy "$in/host" "$(command -v mke2fs)" /usr/sbin/mke2fs
lab_lvm "$in/host"
mkdir -p "$tmp/store" "$tmp/more"
lab_root "$tmp/raw" 48M
qemu-img convert -f raw -O qcow2 "$tmp/raw" "$tmp/store/root.qcow2"
echo "it was here before" >"$tmp/more/old"
truncate -s 16M "$tmp/raw.more"
mke2fs -q -F -t ext4 -d "$tmp/more" "$tmp/raw.more"
qemu-img convert -f raw -O vpc "$tmp/raw.more" "$tmp/store/more.vhd"
qemu-img create -q -f vmdk "$tmp/store/scratch.vmdk" 8M
lab_disk 1 200M "$tmp/store"
lab_disk 2 64M
rm -rf "$tmp/store"
# So slow that something is in flight at most moments.
export LAB_DISK=throttling.iops-total=40
lab_boot 1200 6.1 1 guest=6.1
grep '^LAB' "$out/console.log" | tr -d '\r'
sound "the host's file system" "$in/disk-1.raw"

# image FILE FORMAT: from the host's file system to $tmp/FILE, without an error in it; as $tmp/raw in plain
image () {
	file_sum "$in/disk-1.raw" "/$1" >/dev/null
	mv "$tmp/dumped" "$tmp/$1"
	case $2 in
	qcow2 | vmdk) qemu-img check -q -f "$2" "$tmp/$1" || fail "qemu-img check finds errors in $1" ;;
	esac
	qemu-img convert -f "$2" -O raw "$tmp/$1" "$tmp/raw"
}
image root.qcow2 qcow2
# It was switched off with its root mounted: the journal is replayed first.
e2fsck -fp "$tmp/raw" >"$tmp/fsck" 2>&1 || [ $? = 1 ] || { cat "$tmp/fsck" >&2; fail "the guest's root is broken"; }
same "the guest's last file on qcow2" "$(file_sum "$tmp/raw" /var/work/last)" "$(lab_sum guest root)"
image more.vhd vpc
sound "the VHD image's file system" "$tmp/raw"
same "the guest's file on VHD" "$(file_sum "$tmp/raw" /new)" "$(lab_sum guest vhd)"
image scratch.vmdk vmdk
same "what the guest wrote to VMDK" "$(head -c 1048576 "$tmp/raw" | md5sum | cut -d ' ' -f 1)" "$(lab_sum guest vmdk)"
same "what the guest wrote to the logical volume" "$(cat "$out/lvm.sum")" "$(lab_sum guest lvm)"

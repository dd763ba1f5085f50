#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, what stock xl names as target= of a disk: logical volumes, a block device, partitions of an image and
# of a volume, as kinds vbd and qdisk, at a guest's start and attached to one that runs. Volumes are active while
# they are disks, and guests see them grow.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
. "$lab/../kvm/lvm.sh"
command -v sfdisk >/dev/null || skip "this test needs sfdisk; as root: apt-get install fdisk"
lab_needs
lab_roles targets-dom0.sh targets-driver.sh targets-guest.sh
blk_programs
for program in sluice-lvm sluice-probe; do
	lab_program driver "$builddir/backends/blk/$program" /sluice/backends/blk/$program
done
lab_lvm "$in/driver"
# table IMAGE MIB NAME:MIB..: a GPT with these partitions
table () {
	local image=$1 part start=2048; shift 2
	{
		echo 'label: gpt'
		for part; do
			echo "start=$start, size=$((${part#*:} * 2048)), name=\"${part%:*}\""
			start=$((start + ${part#*:} * 2048))
		done
	} | sfdisk -q "$image"
}
mkdir -p "$tmp/store"
head -c 16M /dev/urandom >"$tmp/store/table.img"
table "$tmp/store/table.img" 16 first:4 second:8
head -c 16M /dev/urandom >"$tmp/store/parts.img"
table "$tmp/store/parts.img" 16 only:8
head -c 8M /dev/urandom >"$tmp/store/random.img"
part_sum () { dd if="$tmp/store/table.img" bs=1M skip="$1" count="$2" 2>/dev/null | md5sum | cut -d ' ' -f 1; }
first=$(part_sum 1 4) second=$(part_sum 5 8)
random=$(md5sum <"$tmp/store/random.img" | cut -d ' ' -f 1)
blk_disk
head -c 16M /dev/urandom >"$in/disk-2.raw"
whole=$(md5sum <"$in/disk-2.raw" | cut -d ' ' -f 1)
lab_disk 3 128M
lab_boot 1800
xl_is_content
must_say guest ' 40 files are right' 'the guest is content'
same "the volume as the guest first read it" "$(lab_sum guest before-a)" "$before"
same "the block device as the guest first read it" "$(lab_sum guest before-c)" "$whole"
same "the image's second partition" "$(lab_sum guest before-d)" "$second"
same "the volume with the file system, attached later" "$(lab_sum hot hot-system)" "$(lab_sum guest after-a)"
same "the volume with the file system, in the driver domain" "$(lab_sum storage system)" "$(lab_sum guest after-a)"
same "the block device, attached later" "$(lab_sum hot hot-whole)" "$(lab_sum guest after-c)"
same "the block device at the end" "$(md5sum <"$in/disk-2.raw" | cut -d ' ' -f 1)" "$(lab_sum guest after-c)"
same "the image's first partition" "$(lab_sum hot hot-first)" "$first"
same "the volume's partition, attached later" "$(lab_sum hot hot-parts)" "$(lab_sum guest after-e)"
same "the volume's partition, in the driver domain" "$(lab_sum storage parts)" "$(lab_sum guest after-e)"
same "the volume that is named by its path" "$(lab_sum hot hot-path)" "$random"
same "the disk that a script made" "$(lab_sum hot hot-scripted)" "$before"
same "the volume that grew" "$(lab_sum hot hot-grows)" "$(lab_sum guest after-b)"
same "the volume that grew under load" "$(lab_sum storage data)" "$(lab_sum hot grown)"
must_say storage 'storage is ready, active: active' 'the volume has 16 MiB' 'no logical volume none in volume group vg' 'sluice-driverd ended with status 0'
[ "$(grep -c 'idle, and active is only what was' "$out/guest-storage.log")" = 3 ] || fail "volumes were not looked at three times"
for disk in 51712 51728 51744 51760 51776; do
	grep -E "^$disk +1 +2 +4 " "$out/block-list" >/dev/null || { cat "$out/block-list"; fail "xl block-list: no $disk that is connected"; }
done
sound "the driver domain's file system" "$in/disk-1.raw"

# SPDX-License-Identifier: MIT
# What the block tests of this folder share: the disk, and what must be true of it afterwards.

# blk_programs: sluice-driverd and sluice-blk, side by side as in a build tree, so that one finds the other
blk_programs () {
	lab_program driver "$builddir/drivers-domain/sluice-driverd" /sluice/drivers-domain/sluice-driverd
	lab_program driver "$builddir/backends/blk/sluice-blk" /sluice/backends/blk/sluice-blk
	touch "$in/driver/sluice/config.status"
}

# blk_disk: disk.img, an ext4 full of files, on the driver domain's own ext4
blk_disk () {
	local i
	mkdir -p "$tmp/files" "$tmp/store"
	for i in $(seq 1 40); do head -c $((i * i * 331)) /dev/urandom >"$tmp/files/file-$i"; done
	(cd "$tmp/files" && md5sum file-* >manifest)
	truncate -s 48M "$tmp/store/disk.img"
	mke2fs -q -F -t ext4 -d "$tmp/files" "$tmp/store/disk.img"
	truncate -s 4M "$tmp/store/scratch.img"
	before=$(md5sum <"$tmp/store/disk.img" | cut -d ' ' -f 1)
	lab_disk 1 80M "$tmp/store"
	rm -rf "$tmp/store"
}

# xl_is_content: nothing made xl wait in vain or complain
xl_is_content () { ! grep 'libxl: error' "$out/console.log" || { lab_show; fail "xl reports errors"; }; }
# same NAME A B
same () { [ -n "$2" ] && [ "$2" = "$3" ] || { lab_show; fail "$1 differs: '$2' and '$3'"; }; }
# sound NAME IMAGE
sound () { e2fsck -fn "$2" >"$tmp/fsck" 2>&1 || { cat "$tmp/fsck" >&2; fail "$1 is broken"; }; }
guest_sum () { tr -d '\r' <"$out/guest-guest.log" | awk -v what="$1" '$1 == "SUM" && $2 == what { print $3 }'; }
# file_sum IMAGE FILE: of a file inside an ext4 image, without mounting it
file_sum () {
	debugfs -R "dump $2 $tmp/dumped" "$1" 2>/dev/null
	md5sum <"$tmp/dumped" | cut -d ' ' -f 1
}

# blk_check: the guest was served well, and what it wrote is on the driver domain's disk
blk_check () {
	xl_is_content
	must_say guest 'persistent grants: enabled' 'indirect descriptors: enabled' \
		'flush diskcache: enabled' ' 40 files are right' 'the guest is content'
	same "the disk as the guest first read it" "$(guest_sum before)" "$before"
	sound "the driver domain's file system" "$in/disk-1.raw"
	same "the disk after the guest's writes" "$(file_sum "$in/disk-1.raw" /disk.img)" "$(guest_sum after)"
	mv "$tmp/dumped" "$tmp/disk.img"
	sound "the guest's file system" "$tmp/disk.img"
	same "a file that the guest wrote" "$(file_sum "$tmp/disk.img" /new)" "$(guest_sum new)"
	same "a file that the guest wrote directly" "$(file_sum "$tmp/disk.img" /new-direct)" "$(guest_sum new)"
}

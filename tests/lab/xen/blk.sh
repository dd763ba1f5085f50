# SPDX-License-Identifier: MIT
# What the block tests of this folder share: the disk, and what must be true of it afterwards.

# blk_programs: sluice-driverd, its gate and sluice-blk, side by side as in a build tree, so that one finds the other
blk_programs () {
	lab_program driver "$builddir/drivers-domain/sluice-driverd" /sluice/drivers-domain/sluice-driverd
	lab_program driver "$builddir/drivers-domain/sluice-store-gate" /sluice/drivers-domain/sluice-store-gate
	lab_program driver "$builddir/backends/blk/sluice-blk" /sluice/backends/blk/sluice-blk
	touch "$in/driver/sluice/config.status"
}

# blk_disk [NAME..]: disk.img, or an image for each NAME, an ext4 full of files, on the driver domain's own ext4.
# What is in $tmp/files already is on it, too, and what is in $tmp/store beside it.
blk_disk () {
	local i name
	[ $# -gt 0 ] || set -- disk
	mkdir -p "$tmp/files" "$tmp/store"
	for i in $(seq 1 40); do head -c $((i * i * 331)) /dev/urandom >"$tmp/files/file-$i"; done
	(cd "$tmp/files" && md5sum file-* >manifest)
	truncate -s 48M "$tmp/store/disk.img"
	mke2fs -q -F -t ext4 -d "$tmp/files" "$tmp/store/disk.img"
	truncate -s 4M "$tmp/store/scratch.img"
	before=$(md5sum <"$tmp/store/disk.img" | cut -d ' ' -f 1)
	for name; do [ "$name" = disk ] || cp --sparse=always "$tmp/store/disk.img" "$tmp/store/$name.img"; done
	lab_disk 1 "$((32 + $(du -sm --apparent-size "$tmp/store" | cut -f 1)))M" "$tmp/store"
	rm -rf "$tmp/store"
}

# xl_is_content: nothing made xl wait in vain or complain
xl_is_content () { ! grep 'libxl: error' "$out/console.log" || { lab_show; fail "xl reports errors"; }; }
# PV driver domains do not map what O_DIRECT may still hold when a backend is killed.
persistent=disabled
[ "$lab_arch" = amd64 ] || persistent=enabled
# blk_check [GUEST [NAME]]: it was served well, and what it wrote is on the driver domain's disk, in the image NAME
blk_check () {
	local guest=${1:-guest} name=${2:-disk}
	xl_is_content
	must_say "$guest" "persistent grants: $persistent" 'indirect descriptors: enabled' \
		'flush diskcache: enabled' ' 40 files are right' 'the guest is content'
	same "the disk as $guest first read it" "$(lab_sum "$guest" before)" "$before"
	sound "the driver domain's file system" "$in/disk-1.raw"
	same "the disk after the writes of $guest" "$(file_sum "$in/disk-1.raw" "/$name.img")" "$(lab_sum "$guest" after)"
	mv "$tmp/dumped" "$tmp/disk.img"
	sound "the file system of $guest" "$tmp/disk.img"
	same "a file that $guest wrote" "$(file_sum "$tmp/disk.img" /new)" "$(lab_sum "$guest" new)"
	same "a file that $guest wrote directly" "$(file_sum "$tmp/disk.img" /new-direct)" "$(lab_sum "$guest" new)"
}

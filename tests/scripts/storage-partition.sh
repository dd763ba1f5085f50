# SPDX-License-Identifier: MIT
# Storage that is a partition, the second of three in an image (or, with 4096, a loop device):
# its neighbours must stay as they are. See storage-functions.sh.
storage_options=,driver=uring
storage_image=$tmp/storage.img storage_loop='' storage_mib=0
PATH=$PATH:/usr/sbin:/sbin

storage_can_loop () { command -v losetup >/dev/null && [ -w /dev/loop-control ]; }
storage_requires () {
	requires command -v sfdisk
	requires test -x "$builddir/backends/blk/sluice-probe"
}
storage_has () {
	case $1 in
	discard | zeroes | flush | peek | replay) return 0 ;;
	secure-discard) storage_lacks "a hole in a file erases nothing" ;;
	4096) storage_can_loop || storage_lacks "loop devices cannot be set up here" ;;
	grow) storage_lacks "a partition is where its table said when the disk was attached" ;;
	eio) return 0 ;;
	enospc) storage_lacks "it fails as the file does that the table is in, see uring" ;;
	etimedout) storage_lacks "the kernel's local files have no time limit" ;;
	server | stop) storage_lacks "local files have no server" ;;
	*) fail "what is the property $1?" ;;
	esac
}
# The first and the third are a MiB each, of a pattern, and end where the second begins and ends.
storage_start () {
	local first=$((1 << 20)) size=$1 unit=512
	storage_mib=$1 storage_first=$((2 << 20))
	rm -f "$storage_image"
	truncate -s "$((size + 4))M" "$storage_image"
	storage_uri=$storage_image
	if [ "${2-}" = 4096 ]; then
		unit=4096
		storage_loop=$(losetup --find --show --sector-size 4096 "$storage_image")
		storage_uri=$storage_loop
	fi
	sfdisk -q --no-reread --no-tell-kernel "$storage_uri" <<-END
		label: gpt
		first-lba: 34
		start=$((first / unit)), size=$(((1 << 20) / unit)), name="before"
		start=$((storage_first / unit)), size=$(((size << 20) / unit)), name="the disk"
		start=$((storage_first / unit + (size << 20) / unit)), size=$(((1 << 19) / unit)), name="behind"
	END
	sync "$storage_uri"
	yes neighbour | head -c $((1 << 20)) | dd of="$storage_image" bs=1M seek=1 conv=notrunc status=none || :
	yes neighbour | head -c $((1 << 19)) | dd of="$storage_image" bs=1M seek=$((2 + size)) conv=notrunc status=none || :
	storage_around >"$tmp/storage-around"
	cleanup_fn storage_stop
	storage_uri=partition:$storage_uri:PARTLABEL="the disk"
}
# All of the image but the disk.
storage_around () {
	head -c "$storage_first" "$storage_image" | md5sum
	tail -c +$((storage_first + (storage_mib << 20) + 1)) "$storage_image" | md5sum
}
storage_stop () {
	local around=same
	[ -e "$storage_image" ] || return 0
	storage_around | cmp -s - "$tmp/storage-around" || around=changed
	[ -z "$storage_loop" ] || losetup --detach "$storage_loop" || :
	storage_loop=''
	rm -f "$storage_image" "$tmp/storage-around"
	[ $around = same ] || fail "what is beside the partition was changed"
}
storage_peek () {
	dd if="$storage_image" bs=64k iflag=skip_bytes,count_bytes skip=$((storage_first + $1)) count="$2" status=none
}
# The image is cut in the disk's middle; what was behind comes back with its end.
storage_break () {
	tail -c +$((storage_first + (storage_mib << 20) + 1)) "$storage_image" >"$tmp/storage-behind"
	truncate -s $((storage_first + (storage_mib << 19))) "$storage_image"
}
storage_mend () {
	truncate -s $((storage_first + (storage_mib << 20))) "$storage_image"
	cat "$tmp/storage-behind" >>"$storage_image"
}

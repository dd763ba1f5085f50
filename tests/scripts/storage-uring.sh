# SPDX-License-Identifier: MIT
# Storage of the driver uring: files and loop devices. See storage-functions.sh.
storage_options=,driver=uring
storage_image=$tmp/storage.img storage_loop='' storage_dir=$tmp/storage-fs storage_mib=0

storage_can_loop () { PATH=$PATH:/usr/sbin:/sbin command -v losetup >/dev/null && [ -w /dev/loop-control ]; }
storage_can_mount () {
	mkdir -p "$tmp/probe" && mount -t tmpfs -o size=1m none "$tmp/probe" 2>/dev/null || return 1
	umount "$tmp/probe"
}
storage_requires () { :; }
storage_has () {
	case $1 in
	discard | zeroes | flush | grow | eio | peek | replay) return 0 ;;
	secure-discard) storage_lacks "a hole in a file erases nothing" ;;
	4096) storage_can_loop || storage_lacks "loop devices cannot be set up here" ;;
	enospc) storage_can_mount || storage_lacks "no file system can be mounted here" ;;
	etimedout) storage_lacks "the kernel's local files have no time limit" ;;
	server | stop) storage_lacks "local files have no server" ;;
	*) fail "what is the property $1?" ;;
	esac
}
storage_start () {
	storage_mib=$1
	case ${2-} in
	enospc) mountpoint -q "$storage_dir" || storage_tmpfs "$storage_dir" "$1"
		storage_image=$storage_dir/disk.img ;;
	*) storage_image=$tmp/storage.img ;;
	esac
	truncate -s "${1}M" "$storage_image"
	storage_uri=$storage_image
	[ "${2-}" = 4096 ] || return 0
	storage_loop=$(PATH=$PATH:/usr/sbin:/sbin losetup --find --show --sector-size 4096 "$storage_image")
	cleanup_fn storage_stop
	storage_uri=$storage_loop
}
storage_stop () {
	if [ -n "$storage_loop" ]; then
		PATH=$PATH:/usr/sbin:/sbin losetup --detach "$storage_loop" || :
		storage_loop=''
	fi
	rm -f "$storage_image" "$storage_dir/filler"
	if mountpoint -q "$storage_dir"; then umount -l "$storage_dir"; fi
}
# The image may be read by anybody: its lock is an agreement of those who write.
storage_peek () { dd if="$storage_image" bs=64k iflag=skip_bytes,count_bytes skip="$1" count="$2" status=none; }
storage_break () {
	case $1 in
	# The image is cut: the kernel reads nothing there. A write would make it longer again, so its end is sealed off
	# by the file system, which has no room beyond.
	eio) truncate -s $((storage_mib / 2))M "$storage_image" ;;
	enospc) dd if=/dev/zero of="$storage_dir/filler" bs=64k status=none 2>/dev/null || : ;;
	esac
}
storage_mend () {
	rm -f "$storage_dir/filler"
	truncate -s "${storage_mib}M" "$storage_image"
}
storage_grow () { truncate -s "${1}M" "$storage_image"; }

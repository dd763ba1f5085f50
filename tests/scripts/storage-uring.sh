# SPDX-License-Identifier: MIT
# Storage of the driver uring: files and loop devices. See storage-functions.sh.
storage_options=,driver=uring
storage_image=$tmp/storage.img storage_loop='' storage_dir=$tmp/storage-fs storage_server='' storage_fuse_pid=''

storage_can_loop () { PATH=$PATH:/usr/sbin:/sbin command -v losetup >/dev/null && [ -w /dev/loop-control ]; }
storage_can_mount () {
	mkdir -p "$tmp/probe" && mount -t tmpfs -o size=1m none "$tmp/probe" 2>/dev/null || return 1
	umount "$tmp/probe"
}
# A file whose reads and writes a server can be told to fail.
storage_can_fuse () {
	command -v nbdfuse && command -v nbdkit && [ -w /dev/fuse ] && nbdkit --filter=error null --dump-plugin
} >/dev/null 2>&1
storage_requires () { :; }
storage_has () {
	case $1 in
	discard | zeroes | flush | grow | peek | replay) return 0 ;;
	secure-discard) storage_lacks "a hole in a file erases nothing" ;;
	4096) storage_can_loop || storage_lacks "loop devices cannot be set up here" ;;
	eio) storage_can_fuse || storage_lacks "no file that fails: nbdkit's error filter, nbdfuse or /dev/fuse is missing here" ;;
	enospc) storage_can_mount || storage_lacks "no file system can be mounted here" ;;
	etimedout) storage_lacks "the kernel's local files have no time limit" ;;
	server | stop) storage_lacks "local files have no server" ;;
	*) fail "what is the property $1?" ;;
	esac
}
storage_start () {
	storage_image=$tmp/storage.img
	if [ "${2-}" = enospc ]; then
		storage_tmpfs "$storage_dir" "$1" || fail "no file system can be mounted"
		storage_image=$storage_dir/disk.img
	fi
	truncate -s "${1}M" "$storage_image"
	storage_uri=$storage_image
	case ${2-} in
	4096) storage_loop=$(PATH=$PATH:/usr/sbin:/sbin losetup --find --show --sector-size 4096 "$storage_image")
		storage_uri=$storage_loop ;;
	eio) storage_fuse ;;
	esac
}
storage_fuse () {
	local socket=$tmp/storage.sock
	rm -f "$socket" "$tmp/broken"
	mkdir -p "$storage_dir"
	nbdkit -f -U "$socket" --filter=error file "$storage_image" error=EIO error-rate=1 error-file="$tmp/broken" 2>/dev/null &
	storage_server=$!
	wait_for 60 test -S "$socket"
	nbdfuse -o allow_other "$storage_dir/disk.img" "nbd+unix:///?socket=$socket" 2>/dev/null &
	storage_fuse_pid=$!
	wait_for 60 mountpoint -q "$storage_dir"
	storage_uri=$storage_dir/disk.img
}
storage_stop () {
	if [ -n "$storage_loop" ]; then
		PATH=$PATH:/usr/sbin:/sbin losetup --detach "$storage_loop" || :
		storage_loop=''
	fi
	if mountpoint -q "$storage_dir"; then umount -l "$storage_dir"; fi
	# It does not end by itself while a mount namespace of somebody else's still has its mount.
	if [ -n "$storage_fuse_pid" ]; then
		kill -KILL "$storage_fuse_pid" 2>/dev/null || :
		wait "$storage_fuse_pid" 2>/dev/null || :
		storage_fuse_pid=''
	fi
	if [ -n "$storage_server" ]; then
		kill "$storage_server" 2>/dev/null || :
		wait "$storage_server" 2>/dev/null || :
		storage_server=''
	fi
	rm -f "$storage_image" "$tmp/broken"
}
# The image may be read by anybody: its lock is an agreement of those who write.
storage_peek () { dd if="$storage_image" bs=64k iflag=skip_bytes,count_bytes skip="$1" count="$2" status=none; }
storage_break () {
	case $1 in
	eio) touch "$tmp/broken" ;;
	enospc) dd if=/dev/zero of="$storage_dir/filler" bs=64k status=none 2>/dev/null || : ;;
	esac
}
storage_mend () { rm -f "$storage_dir/filler" "$tmp/broken"; }
storage_grow () { truncate -s "${1}M" "$storage_image"; }

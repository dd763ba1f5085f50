# SPDX-License-Identifier: MIT
# Storage in an image format, behind a format server: a qcow2 image. See storage-functions.sh.
# Those of other formats source this one: storage_format is ours, storage_qemu QEMU's name of it.
# shellcheck source=tests/scripts/storage-uring.sh
source "$srcdir/tests/scripts/storage-uring.sh"
storage_options='' storage_format=qcow2 storage_qemu=(-f qcow2)

storage_requires () {
	[ -e "$builddir/backends/blk/.libs/blk-nbd.so" ] || skip "built without libnbd"
	command -v qemu-nbd >/dev/null || skip "qemu-nbd is not installed"
	command -v qemu-img >/dev/null || skip "qemu-img is not installed"
	grep -qw landlock /sys/kernel/security/lsm 2>/dev/null || [ ! -e /sys/kernel/security/lsm ] ||
		skip "the kernel has no Landlock, without which no image is read"
}
storage_has () {
	case $1 in
	discard | flush | peek | replay) return 0 ;;
	zeroes) storage_lacks "a discard of less than a cluster does nothing" ;;
	secure-discard) storage_lacks "NBD has no secure discard" ;;
	grow) storage_lacks "NBD has no word for a size that changed" ;;
	4096) storage_lacks "an image's format has no sectors" ;;
	enospc) storage_can_mount || storage_lacks "no file system can be mounted here" ;;
	eio) [ "$storage_format" = qcow2 ] || { storage_lacks "such an image grows, and a file that fails has its size"; return; }
		storage_can_fuse || storage_lacks "no file that fails: nbdkit's error filter, nbdfuse or /dev/fuse is missing here" ;;
	etimedout) storage_lacks "the kernel's local files have no time limit" ;;
	server | stop) storage_lacks "the server is the daemon's" ;;
	*) fail "what is the property $1?" ;;
	esac
}
storage_start () {
	storage_image=$tmp/disk.$storage_format
	cleanup_fn storage_stop
	if [ "${2-}" = enospc ]; then
		storage_tmpfs "$storage_dir" $(($1 + 4)) || fail "no file system can be mounted"
		storage_image=$storage_dir/disk.$storage_format
	fi
	rm -f "$storage_image"
	qemu-img create -q "${storage_qemu[@]}" "$storage_image" "${1}M"
	storage_uri=$storage_image
	if [ "${2-}" = eio ]; then
		# Of a size that stays.
		truncate -s "$(($1 + 8))M" "$storage_image"
		storage_fuse
	fi
	storage_uri=$storage_format:$storage_uri
}
# There is no daemon that would start a server.
storage_direct () {
	qemu-nbd --persistent --shared=0 "--format=${storage_qemu[1]}" --discard=unmap --detect-zeroes=unmap \
		--socket="$tmp/direct.sock" "$storage_image" 2>"$tmp/direct.log" &
	cleanup_fn eval "kill $! 2>/dev/null; wait $! 2>/dev/null || :"
	wait_for 60 test -S "$tmp/direct.sock"
	storage_direct_uri="nbd+unix:///?socket=$tmp/direct.sock"
}
# By another QEMU that does not ask for the lock. What the server has not flushed it does not see.
storage_peek () {
	rm -f "$tmp/format.raw"
	qemu-img convert -U "${storage_qemu[@]:0:2}" -O raw "$storage_image" "$tmp/format.raw" || return 1
	dd if="$tmp/format.raw" bs=64k iflag=skip_bytes,count_bytes skip="$1" count="$2" status=none
}
# By the server, which outlives the backend.
storage_peek_acknowledged () {
	local socket
	socket=$(find "$XDG_RUNTIME_DIR" -type s -name '*.nbd') || return 1
	rm -f "$tmp/format.raw"
	qemu-img convert -f raw -O raw "nbd+unix:///$storage_uri?socket=$socket" "$tmp/format.raw" || return 1
	dd if="$tmp/format.raw" bs=64k iflag=skip_bytes,count_bytes skip="$1" count="$2" status=none
}

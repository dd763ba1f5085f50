# SPDX-License-Identifier: MIT
# Storage of the driver gluster: an image on a replica of three bricks. See storage-functions.sh,
# and gluster-functions.sh: the test that sources this begins anew in namespaces of its own.
source "$srcdir/tests/scripts/gluster-functions.sh"

storage_requires () {
	gluster_requires
	[ -e "$builddir/backends/blk/.libs/blk-gluster.so" ] || skip "the gluster driver was not built"
}
storage_has () {
	case $1 in
	discard | zeroes | flush | grow | enospc | server | stop | peek) return 0 ;;
	secure-discard) storage_lacks "a hole in a brick's file erases nothing" ;;
	4096) storage_lacks "files on a volume have no sectors" ;;
	eio) storage_lacks "a replica hides a brick's errors, and without bricks requests wait" ;;
	etimedout) storage_lacks "libgfapi ends requests of a silent brick as not connected" ;;
	replay) storage_lacks "bricks do not tell when writes of a killed client have ended" ;;
	*) fail "what is the property $1?" ;;
	esac
}
storage_start () {
	local i
	# A case's shell may have begun it, and only this one's variables are known here.
	[ -s "$gluster_dir/glusterd.pid" ] || start_glusterd
	rm -rf "$gluster_dir"/brick[123]
	mkdir -p "$gluster_dir"/brick{1,2,3}
	if [ "${2-}" = enospc ]; then
		for i in 1 2 3; do storage_tmpfs "$gluster_dir/brick$i" $(($1 + 8)); done
	fi
	start_volume 3
	image "$1"
	storage_uri=$gluster_uri
}
storage_stop () {
	local i
	storage_mend
	storage_resume
	gluster_ volume stop "$gluster_volume" force || :
	gluster_ volume delete "$gluster_volume" || :
	for i in 1 2 3; do
		if mountpoint -q "$gluster_dir/brick$i"; then umount -l "$gluster_dir/brick$i"; fi
	done
	rm -rf "$gluster_dir"/brick[123]
}
# Of a brick that has all: the first is the one that dies.
storage_peek () {
	dd if="$gluster_dir/brick2/disk.img" bs=64k iflag=skip_bytes,count_bytes skip="$1" count="$2" status=none
}
storage_break () {
	local i
	for i in 1 2 3; do
		dd if=/dev/zero of="$gluster_dir/brick$i/filler" bs=64k status=none 2>/dev/null || :
	done
}
storage_mend () { rm -f "$gluster_dir"/brick[123]/filler; }
storage_grow () { image "$1"; }
storage_kill () { kill -KILL "$(brick_pid 1)"; }
storage_back () {
	gluster_ volume start "$gluster_volume" force
	wait_for 60 bricks_are_up 3
}
storage_hang () { kill -STOP "$(brick_pid 1)"; }
storage_resume () {
	local pid
	pid=$(brick_pid 1)
	[ -z "$pid" ] || kill -CONT $pid
}

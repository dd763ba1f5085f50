# SPDX-License-Identifier: MIT
# Who may have an image or a device at the same time: each driver and mode beside each, and
# beside QEMU's programs; devices that are mounted, wholly or a partition of them.
# Needs only the store, and so serves unconfined.
# Mounts of its own: what others start meanwhile would keep them, and the device in use.
if [ -z "${SLUICE_LOCKS_NS:-}" ] && unshare -m true 2>/dev/null; then
	SLUICE_LOCKS_NS=1 exec unshare -m --propagation private bash "$0" "$@"
fi
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/disk-functions.sh"
PATH=$PATH:/usr/sbin:/sbin
begin_store

# with ID DRIVER MODE PARAMS: MODE is w, r or s (shared). 1: it was refused, see $tmp/err.ID.
with () {
	case $3 in
	s) try_serve "$1" "$4" w 1 "$2" ;;
	*) try_serve "$1" "$4" "$3" 0 "$2" ;;
	esac
}
# may FIRST SECOND: whether these modes go together
may () { [ "$1" = s ] || [ "$2" = s ] || [ "$1$2" = rr ]; }
# beside WHAT EXPECTED SUCCEEDED: the table's line, or the end
beside () {
	echo "$1: $([ "$3" = 0 ] && echo served || echo refused)"
	[ "$2" = "$3" ] || fail "$1: $([ "$2" = 0 ] && echo "refused: $(cat "$tmp"/err.51728)" || echo "not refused")"
}
# second FIRST MODE DRIVER MODE PARAMS REASON: beside what is there
second () {
	local expected=1 got=1
	! may "$2" "$4" || expected=0
	if with 51728 "$3" "$4" "$5"; then got=0; unserve "$served"; fi
	beside "$1, then $3 $4" $expected $got
	[ $got = 0 ] || grep -q "$6" "$tmp/err.51728" || fail "it says: $(cat "$tmp/err.51728")"
}
# ours NAME PARAMS: all drivers and modes, two at a time
ours () {
	local d1 m1 d2 m2 first
	for d1 in uring aio; do for m1 in w r s; do
		with 51712 $d1 $m1 "$2" || fail "$1: $d1 $m1 alone: $(cat "$tmp/err.51712")"
		first=$served
		for d2 in uring aio; do for m2 in w r s; do
			# The kernel's claim is a device's writer's; who shares has none, and needs none.
			second "$1 $d1 $m1" $m1 $d2 $m2 "$2" "in use by"
		done; done
		unserve "$first"
	done; done
}
image=$tmp/disk.img
truncate -s 8M "$image"
ours file "$image"

# --- QEMU ---------------------------------------------------------------------------------
qemu_reads () { qemu-io -f raw -r -c 'read 0 512' "$image" >"$tmp/err.51728" 2>&1; }
qemu_writes () { qemu-io -f raw -c 'read 0 512' "$image" >"$tmp/err.51728" 2>&1; }
if command -v qemu-io >/dev/null && command -v qemu-nbd >/dev/null; then
	for driver in uring aio; do for mode in w r s; do
		with 51712 $driver $mode "$image" || fail "$(cat "$tmp/err.51712")"
		expected=1; ! may $mode r || expected=0
		got=0; qemu_reads || got=1
		beside "file $driver $mode, then QEMU r" $expected $got
		expected=1; ! may $mode w || expected=0
		got=0; qemu_writes || got=1
		beside "file $driver $mode, then QEMU w" $expected $got
		unserve "$served"
	done; done
	nbd=''
	cleanup_fn eval '[ -z "$nbd" ] || { kill $nbd; wait $nbd; } 2>/dev/null'
	for qemu in w r; do
		option=-t
		[ $qemu = w ] || option=-r
		qemu-nbd -f raw $option -t -k "$tmp/nbd" "$image" &
		nbd=$!
		wait_for 10 test -S "$tmp/nbd"
		for driver in uring aio; do for mode in w r s; do
			second "file QEMU $qemu" $qemu $driver $mode "$image" "in use by QEMU"
		done; done
		kill $nbd
		wait $nbd || :
		nbd=''
		rm -f "$tmp/nbd"
	done
else
	echo "left out: QEMU's locks; apt-get install qemu-utils"
fi

# --- devices ----------------------------------------------------------------------------------
command -v losetup >/dev/null && [ -w /dev/loop-control ] || { echo "left out: devices; no loop devices here"; exit 0; }
# The device that is ours now; somebody else may have its name as soon as it is detached.
loop=''
detach () { [ -z "$loop" ] || losetup --detach "$loop"; loop=''; }
cleanup_fn detach
loop=$(losetup --find --show "$image") || { echo "left out: devices; no loop device is free"; exit 0; }
ours device "$loop"
detach

# refuses WHAT: a writer of it
refuses () {
	! with 51728 uring w "$1" || fail "$2: not refused"
	grep -q "in use by somebody else (mounted" "$tmp/err.51728" || fail "$2: $(cat "$tmp/err.51728")"
	echo "$2: refused"
}
takes () {
	with 51728 uring "$3" "$1" || fail "$2: $(cat "$tmp/err.51728")"
	unserve "$served"
	echo "$2: served"
}
command -v sfdisk >/dev/null && command -v mkfs.ext4 >/dev/null || { echo "left out: mounted devices"; exit 0; }
truncate -s 24M "$image"
mkfs.ext4 -q -F "$image" 2>/dev/null
loop=$(losetup --find --show "$image")
mkdir "$tmp/mnt"
mount "$loop" "$tmp/mnt" 2>/dev/null || { echo "left out: mounted devices; nothing can be mounted here"; exit 0; }
cleanup_fn eval "umount '$tmp/mnt' 2>/dev/null || :"
refuses "$loop" "a mounted device"
# A table in front of the file system, in its boot block: of a partition the kernel has no device of.
printf 'label: dos\nstart=2048, size=8192, type=83\n' | sfdisk -q --wipe never --no-reread --no-tell-kernel "$image"
if [ -x "$builddir/backends/blk/sluice-probe" ]; then
	refuses "partition:$loop:1" "a part of a mounted device"
	takes "partition:$loop:1" "a part of a mounted device, shared" s
	umount "$tmp/mnt"
	takes "partition:$loop:1" "and when that is not mounted any more" w
else
	umount "$tmp/mnt"
fi
detach

# Partitions that the kernel knows.
truncate -s 48M "$image"
sfdisk -q "$image" <<END
label: gpt
start=2048, size=40960
start=43008, size=16384
END
loop=$(losetup --find --show --partscan "$image")
for _ in $(seq 50); do [ ! -b "${loop}p1" ] || break; sleep 0.1; done
[ -b "${loop}p1" ] && mkfs.ext4 -q -F "${loop}p1" 2>/dev/null || { echo "left out: partitions of the kernel's; it makes none here"; exit 0; }
mount "${loop}p1" "$tmp/mnt"
refuses "$loop" "a device of which a partition is mounted"
refuses "${loop}p1" "a mounted partition"
if [ -x "$builddir/backends/blk/sluice-probe" ]; then
	refuses "partition:$loop:1" "a mounted partition by its number"
	takes "partition:$loop:2" "the one beside it" w
fi
umount "$tmp/mnt"
with 51712 uring w "${loop}p1" || fail "$(cat "$tmp/err.51712")"
first=$served
! with 51728 uring w "$loop" || fail "the whole device beside its partition"
if mount "${loop}p1" "$tmp/mnt" 2>/dev/null; then fail "a partition that is a guest's disk could be mounted"; fi
unserve "$first"

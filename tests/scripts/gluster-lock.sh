#!/bin/bash
# SPDX-License-Identifier: MIT
# Bricks forget locks when they are started anew: a disk takes its lock again, also an idle one, before
# any other request; and when somebody else has it by then all that its guest asks for fails.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/gluster-functions.sh"
. "$(dirname "$0")/blk-survive-functions.sh"
gluster_guest_requires
one_brick 16

says () { grep -qF -- "$1" "$tmp/log"; }
other=(timeout -k 5 100 "$gluster_file" "$gluster_host" "$gluster_volume" /disk.img lock)
brick_is_back () {
	gluster_ volume start "$gluster_volume" force
	wait_for 60 bricks_are_up 1
}
rm -f "$tmp/go"
gluster_guest '&timeout=8' flushed flush=1 seed=$RANDOM expect="$tmp/expect" go="$tmp/go"
wait_for 60 gluster_guest_says acknowledged

# The guest asks for nothing.
kill -KILL "$(brick_pid 1)"
wait_for 60 says "its lock may be lost"
brick_is_back
wait_for 60 says "is locked again"
! "${other[@]}" >"$tmp/other" 2>&1 || fail "somebody else got the lock of an idle disk"
grep -q "cannot be locked" "$tmp/other" || fail "not for the lock: $(cat "$tmp/other")"

# Somebody else is faster.
backend=$(backend_below "$guest") || fail "no backend"
cleanup_fn sh -c "kill -CONT $backend 2>/dev/null"
kill -STOP "$backend"
kill -KILL "$(brick_pid 1)"
brick_is_back
"${other[@]}" >"$tmp/other" 2>&1 &
locker=$!
cleanup_fn eval "kill $locker 2>/dev/null || :"
wait_for 60 grep -q locked "$tmp/other"
kill -CONT "$backend"
wait_for 60 says "another process has locked it"
# It may have written: that it is gone makes nothing good.
kill $locker
touch "$tmp/go"
status=0
wait $guest || status=$?
[ $status = 1 ] || fail "its lock was somebody else's, and the guest ended with status $status"
grep -q ^FAILED "$tmp/out" || fail "it did not fail: $(cat "$tmp/out")"
echo "the lock was taken again, and its loss ended the disk"

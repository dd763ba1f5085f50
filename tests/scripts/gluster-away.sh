#!/bin/bash
# SPDX-License-Identifier: MIT
# The only brick of a volume is away: what a guest asks for waits, and goes on when it is back;
# after the time that the disk's name says it fails.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/gluster-functions.sh"
gluster_guest_requires
one_brick 16

waits () { grep -q 'cannot be reached.*requests wait' "$tmp/log"; }
# begin OPTION: the guest has written, and reads it back when $tmp/go is there.
begin () {
	rm -f "$tmp/go" "$tmp/expect"
	gluster_guest "$1" flushed flush=1 seed=$RANDOM expect="$tmp/expect" go="$tmp/go"
	wait_for 60 gluster_guest_says acknowledged
	kill -KILL "$(brick_pid 1)"
	touch "$tmp/go"
	wait_for 60 waits
}
begin '&timeout=120'
sleep 1
! gluster_guest_says passed || fail "the brick is away, and yet it was read"
gluster_ volume start "$gluster_volume" force
wait $guest || fail "it did not go on: $(tail -n 5 "$tmp/out" "$tmp/log")"
gluster_guest_says passed || fail "it did not pass"

wait_for 60 bricks_are_up 1
begin '&timeout=8'
status=0
wait $guest || status=$?
[ $status = 1 ] || fail "the time was up, and the guest ended with status $status"
grep -q ^FAILED "$tmp/out" || fail "it did not fail: $(cat "$tmp/out")"
echo "requests waited for the brick, as long as they should"

#!/bin/bash
# SPDX-License-Identifier: MIT
# A brick of three dies while a guest writes and compares, and comes back: no error, and the
# volume heals; the same for each brick in turn.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/gluster-functions.sh"
gluster_guest_requires
start_glusterd
mkdir -p "$gluster_dir"/brick{1,2,3}
start_volume 3
# A file that was locked by its writer when its turn came is tried again then, by default after ten minutes.
volume_set cluster.heal-timeout 5
image 64

gluster_guest '' load depth=32 segments=8 stop="$tmp/stop" zeroes=1
wait_for 60 grep -q progress "$tmp/out"
for brick in 1 2 3; do
	kill -KILL "$(brick_pid $brick)"
	sleep 2
	kill -0 $guest 2>/dev/null || fail "the guest ended with brick $brick: $(tail -5 "$tmp/out" "$tmp/log")"
	[ "$(unhealed)" != 0 ] || fail "brick $brick was away, and nothing is to be healed"
	gluster_ volume start "$gluster_volume" force
	wait_for 60 bricks_are_up 3
	gluster_ volume heal "$gluster_volume" || :
	wait_for 300 is_healed
done
touch "$tmp/stop"
status=0
wait $guest || status=$?
[ $status = 0 ] || fail "the guest ended with status $status: $(tail -5 "$tmp/out" "$tmp/log")"
! grep -E 'error:|failed' "$tmp/log" || fail "the backend had an error"
wait_for 300 is_healed
cmp "$gluster_dir/brick1/disk.img" "$gluster_dir/brick2/disk.img" || fail "bricks 1 and 2 differ"
cmp "$gluster_dir/brick2/disk.img" "$gluster_dir/brick3/disk.img" || fail "bricks 2 and 3 differ"
echo "three bricks died and healed: $(tail -n 1 "$tmp/out")"

#!/bin/bash
# SPDX-License-Identifier: MIT
# After 50 devices came and went there is no zombie, file or descriptor left.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
start_driverd
add_leaf vbd 3 1
wait_for 10 state_is vbd/3/1 2
fds () { ls "/proc/$driverd_pid/fd" | wc -l; }
before=$(fds)
for round in 1 2 3 4 5; do
	for i in 1 2 3 4 5 6 7 8 9 10; do add_leaf vbd 2 $((round * 100 + i)); done
	for i in 1 2 3 4 5 6 7 8 9 10; do
		leaf=vbd/2/$((round * 100 + i))
		wait_for 20 state_is $leaf 2
		if [ $((i % 2)) = 0 ]; then xs rm "$dd/backend/$leaf"
		else xs write "$dd/backend/$leaf/online" 0 "$dd/backend/$leaf/state" 5; fi
	done
done
all_gone () { [ -z "$(xs list "$dd/backend/vbd/2")" ] && [ "$(children)" = 1 ]; }
wait_for 20 all_gone
[ "$(wc -l <"$tmp/log/starts")" = 51 ] || fail "$(wc -l <"$tmp/log/starts") starts for 51 devices"
# What was open for a moment at the first look is closed by now.
[ "$(fds)" -le "$before" ] || fail "$(fds) descriptors, $before before"
[ "$(ls "$tmp/run" | grep -c '^vbd-2')" = 0 ] || fail "left behind: $(ls "$tmp/run")"

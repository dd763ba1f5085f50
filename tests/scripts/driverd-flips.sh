#!/bin/bash
# SPDX-License-Identifier: MIT
# Nodes that change as fast as they can cost a bounded number of starts and little time.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
start_driverd
add_leaf vbd 2 1
add_leaf vbd 3 1
wait_for 10 state_is vbd/2/1 2
wait_for 10 state_is vbd/3/1 2
# 3000 writes of states of one device, its leaf also removed and made again.
args=()
for i in $(seq 150); do
	for s in 1 2 3 4 5 6 0 9; do args+=("$dd/backend/vbd/2/1/state" $s); done
	args+=("$dd/backend/vbd/2/1/x$((i % 7))" "$i")
done
for i in 1 2 3; do xs write "${args[@]}"; xs rm "$dd/backend/vbd/2/1"; add_leaf vbd 2 1; done
wait_for 20 state_is vbd/2/1 2
n=$(starts vbd/2/1)
[ "$n" -le 100 ] || fail "$n starts"
[ "$(starts vbd/3/1)" = 1 ] || fail "a neighbour was restarted"
# 300 leaves of which none is a device.
for i in $(seq 3); do
	args=()
	for j in $(seq 100); do args+=("$dd/backend/vbd/2/$((i * 1000 + j))/junk" 1); done
	xs write "${args[@]}"
done
add_leaf vbd 2 2
wait_for 20 state_is vbd/2/2 2
[ "$(children)" = 3 ] || fail "$(children) backends for 3 devices"
[ "$(wc -l <"$tmp/log/driverd")" -le 400 ] || fail "the log was flooded: $(wc -l <"$tmp/log/driverd") lines"

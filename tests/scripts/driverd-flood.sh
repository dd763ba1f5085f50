#!/bin/bash
# SPDX-License-Identifier: MIT
# States that flip as fast as the store takes them, for seconds: the daemon does not grow, its other
# devices are served meanwhile, and it does what the last state asks for.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
start_driverd
rss () { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$driverd_pid/status"; }
add_leaf vbd 2 1
add_leaf vbd 3 1
wait_for 10 state_is vbd/2/1 2
wait_for 10 state_is vbd/3/1 2
before=$(rss)
args=()
# Of a device that is served, of one that is none yet, and of names that are none.
for i in $(seq 40); do
	for s in 1 2 3 4 5 6; do args+=("$dd/backend/vbd/2/1/state" $s "$dd/backend/vbd/2/$((9000 + i))/state" $s); done
	args+=("$dd/backend/vbd/2/0$i/state" 1 "$dd/backend/vbd/2/1/online" $((i % 2)))
done
flood () { while [ -e "$tmp/flood" ]; do xs write "${args[@]}"; echo >>"$tmp/log/rounds"; done; }
: >"$tmp/flood"; : >"$tmp/log/rounds"
flood &
flooder=$!
cleanup_fn end_process "$flooder"
rounds () { [ "$(wc -l <"$tmp/log/rounds")" -ge "$1" ]; }
wait_for 30 rounds 20
add_leaf vbd 3 2
wait_for 30 state_is vbd/3/2 2
wait_for 60 rounds 60
rm "$tmp/flood"; wait "$flooder"
starts=$(starts vbd/2/1)
echo "$(($(wc -l <"$tmp/log/rounds") * ${#args[@]} / 2)) writes, $starts starts, resident $before KiB before, $(rss) KiB after"
[ "$starts" -le 300 ] || fail "$starts starts"
grep -q libasan "/proc/$driverd_pid/maps" || [ $(($(rss) - before)) -le 16384 ] || fail "it grew by $(($(rss) - before)) KiB"
[ "$(starts vbd/3/1)" = 1 ] || fail "a neighbour was restarted"
xs rm "$dd/backend/vbd/2/1"
no_backend () { ! kill -0 "$(backend_pid vbd/2/1)" 2>/dev/null; }
wait_for 20 no_backend
add_leaf vbd 2 1
wait_for 40 state_is vbd/2/1 2
[ "$(wc -l <"$tmp/log/driverd")" -le 2000 ] || fail "the log was flooded: $(wc -l <"$tmp/log/driverd") lines"

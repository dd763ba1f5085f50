#!/bin/bash
# SPDX-License-Identifier: MIT
# A store that is killed and comes back from its state: no process of the driver domain ends,
# and what happened to the nodes meanwhile and afterwards is seen.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_devices vbd/2/1 vbd/3/1
gate=$(gate_pid)
two=$(backend_pid vbd/2/1)
three=$(backend_pid vbd/3/1)
for round in 1 2 3 4 5; do
	restart_store
	backs () { [ "$(grep -c 'sluice-driverd: the store is back' "$tmp/log/driverd")" -ge "$round" ]; }
	wait_for 20 backs
	gate_backs () { [ "$(grep -c 'sluice-store-gate: the store is back' "$tmp/log/driverd")" -ge "$round" ]; }
	wait_for 20 gate_backs
done
is_gone "$driverd_pid" && fail "the daemon ended"
is_gone "$gate" && fail "the gate ended"
[ "$(starts vbd/2/1)$(starts vbd/3/1)" = 11 ] || fail "backends were started again"
is_gone "$two" && fail "a backend ended"
# The daemon watches again, and so do backends: one comes and one goes.
add_leaf vbd 2 2
wait_for 10 state_is vbd/2/2 2
xs write "$dd/backend/vbd/3/1/online" 0
wait_for 10 is_gone "$three"
wait_for 10 leaf_gone vbd/3/1

# What comes, ends and goes while there is no store is found when it is back.
kill -KILL "$store_pid"
wait "$store_pid" 2>/dev/null || true
wait_for 20 logged 'warning: the store is gone'
kill -KILL "$two"
wait_for 10 logged "backend $two was killed by signal 9"
run_store
wait_for 20 started_times vbd/2/1 2
wait_for 10 state_is vbd/2/1 2
kill -TERM "$driverd_pid"
status=0; wait "$driverd_pid" || status=$?
[ "$status" = 0 ] || fail "exit status $status"
wait_for 20 is_gone "$gate"

#!/bin/bash
# SPDX-License-Identifier: MIT
# The gate outlives its daemon, and the next daemon goes on with it; of a gate that is killed
# another takes the place.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_devices vbd/2/1
gate=$(gate_pid)
backend=$(backend_pid vbd/2/1)
is_gone "$gate" && fail "there is no gate"

# The daemon is killed, and the store restarted while there is none: backend and gate go on.
kill -KILL "$driverd_pid"
wait "$driverd_pid" 2>/dev/null || true
is_gone "$gate" && fail "the gate died with its daemon"
restart_store
sleep 0.3
is_gone "$backend" && fail "the backend ended"
start_driverd
wait_for 20 logged 'sluice-store-gate: the store is back'
[ "$(gate_pid)" = "$gate" ] || fail "there is another gate"
is_gone "$gate" && fail "the gate ended"
logged "adopted the running backend $backend" || fail "the backend was not adopted"
# It serves the old one and a new one.
add_leaf vbd 2 2
wait_for 10 state_is vbd/2/2 2
xs write "$dd/backend/vbd/2/1/online" 0
wait_for 10 leaf_gone vbd/2/1
[ "$(starts vbd/2/1)" = 1 ] || fail "the adopted one was started again"

# The gate is killed.
kill -KILL "$gate"
another () { local pid; pid=$(gate_pid) && [ -n "$pid" ] && [ "$pid" != "$gate" ] && ! is_gone "$pid"; }
wait_for 10 another
logged 'error: the store gate ended' || fail "it was not said"
add_leaf vbd 3 1
wait_for 10 state_is vbd/3/1 2

# A daemon that dies leaves no gate that nobody needs.
gate=$(gate_pid)
kill -KILL "$driverd_pid"
wait "$driverd_pid" 2>/dev/null || true
for leaf in 2/2 3/1; do xs write "$dd/backend/vbd/$leaf/online" 0; done
for pid in "$(backend_pid vbd/2/2)" "$(backend_pid vbd/3/1)"; do end_process "$pid"; done
wait_for 20 is_gone "$gate"

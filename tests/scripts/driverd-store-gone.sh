#!/bin/bash
# SPDX-License-Identifier: MIT
# Without a store the daemon looks for it for a while, and then ends with an error that says
# so; so do its gate and with it the backends. There has to be one at the start.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
add_leaf vbd 2 1
start_driverd --store-seconds=2
wait_for 10 state_is vbd/2/1 2
pid=$(backend_pid vbd/2/1)
gate=$(gate_pid)
cleanup_fn end_process "$pid"
kill -KILL "$store_pid"
status=0; wait "$driverd_pid" || status=$?
[ "$status" = 1 ] || fail "exit status $status"
logged 'warning: the store is gone' || fail "it did not say that it looks for it"
logged 'error: the store is gone' || fail "it did not say why it ended"
is_gone "$pid" && fail "it took its backend along"
wait_for 10 is_gone "$gate"
logged 'error: there was no store for 2 s' || fail "the gate did not say why it ended"
status=0
XENSTORED_PATH=$tmp/none "$driverd" --run-dir="$tmp/run" 2>"$tmp/err" || status=$?
[ "$status" = 1 ] || fail "exit status $status without a store"
grep -q 'cannot connect to the store' "$tmp/err" || fail "$(cat "$tmp/err")"

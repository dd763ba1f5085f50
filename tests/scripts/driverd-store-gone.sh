#!/bin/bash
# SPDX-License-Identifier: MIT
# Without a store the daemon ends with an error that says so; so it does at the start.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
add_leaf vbd 2 1
start_driverd
wait_for 10 state_is vbd/2/1 2
pid=$(backend_pid vbd/2/1)
cleanup_fn end_process "$pid"
kill -KILL "$store_pid"
status=0; wait "$driverd_pid" || status=$?
[ "$status" = 1 ] || fail "exit status $status"
logged 'error: the store is gone' || fail "it did not say why"
is_gone "$pid" && fail "it took its backend along"
status=0
XENSTORED_PATH=$tmp/none "$driverd" --run-dir="$tmp/run" 2>"$tmp/err" || status=$?
[ "$status" = 1 ] || fail "exit status $status without a store"
grep -q 'cannot connect to the store' "$tmp/err" || fail "$(cat "$tmp/err")"

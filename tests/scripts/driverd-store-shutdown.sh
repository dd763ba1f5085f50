#!/bin/bash
# SPDX-License-Identifier: MIT
# A backend that dies while there is no store keeps its journal when the daemon is ended, too: its
# device may well be there, and the next daemon's backend goes on with it.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_devices vbd/2/1
dies=$(backend_pid vbd/2/1)
kill -KILL "$store_pid"
wait_for 30 logged 'the store is gone'
kill -KILL "$dies"
wait_for 30 logged "vbd-2-1: backend $dies was killed"
kill -TERM "$driverd_pid"
status=0; wait "$driverd_pid" || status=$?
[ "$status" = 0 ] || fail "it exited with $status"
grep -q taken "$tmp/run/vbd-2-1.journal" || fail "its journal is lost"

run_store
wait_for 30 xs exists "$dd/domid"
start_driverd
went_on () { [ "$(grep -c taken "$tmp/run/vbd-2-1.journal")" = 2 ]; }
wait_for 30 went_on

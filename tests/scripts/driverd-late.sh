#!/bin/bash
# SPDX-License-Identifier: MIT
# A backend that does not become ready is killed, reported, and tried again.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
echo silent >"$tmp/mode/backend-vbd-2-1"
add_leaf vbd 2 1
start_driverd --start-seconds=2
wait_for 10 started_times vbd/2/1 1
pid=$(backend_pid vbd/2/1)
wait_for 20 logged 'vbd-2-1: the backend was not ready within 2 s'
wait_for 20 is_gone "$pid"
wait_for 20 xs read "$dd/error/backend/vbd/2/1/error"
rm "$tmp/mode/backend-vbd-2-1"
# The second, or the third where the second had begun to be silent, too.
wait_for 60 logged 'vbd-2-1: backend .* is ready'
started_times vbd/2/1 2 || fail "it was ready without a second start"

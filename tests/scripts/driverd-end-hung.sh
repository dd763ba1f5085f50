#!/bin/bash
# SPDX-License-Identifier: MIT
# A device that is removed while its backend hangs in its start is closed and deleted once the
# backend's time to be ready is over.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
echo slow >"$tmp/mode/backend-vbd-2-1"
add_leaf vbd 2 1
start_driverd --start-seconds=2
wait_for 30 started_times vbd/2/1 1
pid=$(backend_pid vbd/2/1)
xs write "$dd/backend/vbd/2/1/online" 0 "$dd/backend/vbd/2/1/state" 5
wait_for 30 is_gone "$pid"
wait_for 30 leaf_gone vbd/2/1
[ "$(starts vbd/2/1)" = 1 ] || fail "a backend was started for a removed device"
[ ! -e "$tmp/run/vbd-2-1.journal" ] || fail "its journal was left"

#!/bin/bash
# SPDX-License-Identifier: MIT
# libxl waits 10 s for InitWait: storage that takes long to open does not make it give up, nor the daemon.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
start_driverd
echo slow >"$tmp/mode/backend-vbd-2-1"
add_leaf vbd 2 1
wait_for 10 started_times vbd/2/1 1
state_is vbd/2/1 1 || fail "the state is not that of a backend that still starts"
wait_for 20 state_is vbd/2/1 2
logged 'vbd-2-1: backend .* is ready' && fail "it is ready before its storage is open"
touch "$tmp/mode/opened"
wait_for 10 logged 'vbd-2-1: backend .* is ready'
[ "$(starts vbd/2/1)" = 1 ] || fail "the backend was started again"

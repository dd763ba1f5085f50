#!/bin/bash
# SPDX-License-Identifier: MIT
# libxl waits 10 s for InitWait: a script that takes its time does not make it give up.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
make_script block-mine
start_driverd
echo hang >"$tmp/mode/script-add"
add_leaf vbd 2 1 script "$tmp/scripts/block-mine"
wait_for 20 test -s "$tmp/log/script-child"
wait_for 20 state_is vbd/2/1 2
[ "$(starts vbd/2/1)" = 0 ] || fail "the backend did not wait for the script"
# The script goes on when what it waited for ends.
kill "$(cat "$tmp/log/script-child")"
wait_for 10 started_times vbd/2/1 1

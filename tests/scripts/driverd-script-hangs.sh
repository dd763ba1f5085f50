#!/bin/bash
# SPDX-License-Identifier: MIT
# A script that does not end is killed with its children, when its time is over or its device goes.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
make_script block-mine
start_driverd --script-seconds=2
echo hang >"$tmp/mode/script-add"
add_leaf vbd 2 1 script "$tmp/scripts/block-mine"
wait_for 10 test -s "$tmp/log/script-child"
child=$(cat "$tmp/log/script-child")
wait_for 10 status_is vbd/2/1 error
xs read "$dd/backend/vbd/2/1/hotplug-error" | grep -q 'took too long' || fail "no reason"
wait_for 10 is_gone "$child"
kill -TERM "$driverd_pid"; wait "$driverd_pid"
xs rm "$dd/backend/vbd/2/1"
# With much time: its device is removed meanwhile.
start_driverd
rm "$tmp/log/script-child"; : >"$tmp/log/scripts"
add_leaf vbd 2 2 script "$tmp/scripts/block-mine"
wait_for 10 test -s "$tmp/log/script-child"
xs write "$dd/backend/vbd/2/2/online" 0 "$dd/backend/vbd/2/2/state" 5
wait_for 10 is_gone "$(cat "$tmp/log/script-child")"
wait_for 10 leaf_gone vbd/2/2
script_called 'remove backend/vbd/2/2' || fail "half of it stayed: $(script_calls)"
# The daemon's own end does not wait for it.
rm "$tmp/log/script-child"
add_leaf vbd 2 3 script "$tmp/scripts/block-mine"
wait_for 10 test -s "$tmp/log/script-child"
kill -TERM "$driverd_pid"; wait "$driverd_pid"
wait_for 10 is_gone "$(cat "$tmp/log/script-child")"

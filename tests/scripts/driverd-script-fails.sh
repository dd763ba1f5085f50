#!/bin/bash
# SPDX-License-Identifier: MIT
# A script that fails is no secret: nodes, log, state; what it did is undone; SIGHUP tries again.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
make_script block-mine
make_script vif-mine
start_driverd
echo fail >"$tmp/mode/script-add"
echo fail-said >"$tmp/mode/script-online"
add_leaf vbd 2 1 script "$tmp/scripts/block-mine"
wait_for 10 state_is vbd/2/1 6
status_is vbd/2/1 error || fail "hotplug-status is $(xs read "$dd/backend/vbd/2/1/hotplug-status")"
xs read "$dd/backend/vbd/2/1/hotplug-error" | grep -q 'block-mine add: it exited with status 3' || fail "no hotplug-error"
xs read "$dd/error/backend/vbd/2/1/error" | grep -q 'status 3' || fail "no error node"
logged 'vbd-2-1: .*status 3' || fail "not in the log"
[ "$(starts vbd/2/1)" = 0 ] || fail "the backend was started"
wait_for 10 script_called 'block-mine remove'
add_leaf vif 2 0 script "$tmp/scripts/vif-mine"
wait_for 10 status_is vif/2/0 error
[ "$(xs read "$dd/backend/vif/2/0/hotplug-error")" = "no such thing" ] || fail "what the script said was overwritten"
no_vif () { is_gone "$(backend_pid vif/2/0)"; }
wait_for 10 no_vif
wait_for 10 state_is vif/2/0 6
wait_for 10 script_called 'vif-mine offline'
sleep 0.5
[ "$(grep -c -e ' add ' -e ' online ' "$tmp/log/scripts")" = 2 ] || fail "tried again: $(script_calls)"
# One that ends well and says otherwise, or nothing of where the storage is, has failed, too.
echo quiet >"$tmp/mode/script-add"
add_leaf vbd 2 2 script "$tmp/scripts/block-mine"
wait_for 10 status_is vbd/2/2 error
# A script that says nothing of an interface has done what xl asks for.
echo quiet >"$tmp/mode/script-online"
add_leaf vif 2 3 script "$tmp/scripts/vif-mine"
wait_for 10 status_is vif/2/3 connected
rm "$tmp/mode/script-add" "$tmp/mode/script-online"
kill -HUP "$driverd_pid"
wait_for 10 state_is vbd/2/1 2
wait_for 10 status_is vbd/2/1 connected
wait_for 10 status_is vif/2/0 connected
xs read "$dd/backend/vif/2/0/hotplug-error" 2>/dev/null && fail "the error of yesterday stayed"
exit 0

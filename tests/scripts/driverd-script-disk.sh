#!/bin/bash
# SPDX-License-Identifier: MIT
# A disk's own script makes what the backend opens: add before its start, remove after its end. What xl
# names for every other disk, "block", is not run.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
make_script block-mine
make_script block
start_driverd
add_leaf vbd 2 1 script "$tmp/scripts/block-mine" params a:b
wait_for 10 state_is vbd/2/1 2
[ "$(script_calls)" = "block-mine add backend/vbd/2/1" ] || fail "called: $(script_calls)"
[ "$(xs read "$dd/backend/vbd/2/1/physical-device-path")" = /dev/of-a:b ] || fail "no physical-device-path"
# A backend that crashes is started again with what is there.
kill -9 "$(backend_pid vbd/2/1)"
wait_for 10 started_times vbd/2/1 2
wait_for 10 state_is vbd/2/1 2
xs write "$dd/backend/vbd/2/1/online" 0 "$dd/backend/vbd/2/1/state" 5
wait_for 10 leaf_gone vbd/2/1
[ "$(script_calls)" = "block-mine add backend/vbd/2/1;block-mine remove backend/vbd/2/1" ] || fail "in the end: $(script_calls)"
: >"$tmp/log/scripts"
add_leaf vbd 2 2 script /etc/xen/scripts/block
wait_for 10 status_is vbd/2/2 connected
add_leaf qdisk 2 3 script "$tmp/scripts/block-mine"
wait_for 10 state_is qdisk/2/3 2
[ -z "$(script_calls)" ] || fail "run for others: $(script_calls)"
# A number, which is all that some scripts write, becomes a path.
echo number >"$tmp/mode/script-add"
add_leaf vbd 2 4 script "$tmp/scripts/block-mine"
wait_for 10 state_is vbd/2/4 2
[ "$(xs read "$dd/backend/vbd/2/4/physical-device-path")" = /dev/block/7:31 ] || fail "its path: $(xs read "$dd/backend/vbd/2/4/physical-device-path")"

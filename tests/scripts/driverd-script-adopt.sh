#!/bin/bash
# SPDX-License-Identifier: MIT
# What a killed daemon's scripts set up, the next one knows: nothing is done twice, all is undone.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
make_script vif-mine
make_script block-mine
start_driverd
add_leaf vif 2 0 script "$tmp/scripts/vif-mine"
add_leaf vif 2 1 script "$tmp/scripts/vif-mine"
add_leaf vbd 2 1 script "$tmp/scripts/block-mine"
add_leaf vbd 2 2 script "$tmp/scripts/block-mine"
for l in vif/2/0 vif/2/1 vbd/2/1 vbd/2/2; do wait_for 10 status_is $l connected; wait_for 10 state_is $l 2; done
kill -9 "$driverd_pid"; wait "$driverd_pid" || true
: >"$tmp/log/scripts"
# Nobody is there to see it: two are removed, one of them with all its nodes.
kill "$(backend_pid vbd/2/2)" "$(backend_pid vif/2/1)"
xs rm "$dd/backend/vbd/2/2"
xs write "$dd/backend/vif/2/1/online" 0 "$dd/backend/vif/2/1/state" 5
start_driverd
wait_for 10 script_called 'block-mine remove backend/vbd/2/2'
wait_for 10 script_called 'vif-mine offline type_if=vif backend/vif/2/1'
wait_for 10 leaf_gone vif/2/1
gone () { [ ! -e "$tmp/run/$1.script" ]; }
wait_for 10 gone vbd-2-2
wait_for 10 gone vif-2-1
script_called ' add \| online ' && fail "done twice: $(script_calls)"
for l in vif/2/0 vbd/2/1; do xs write "$dd/backend/$l/online" 0 "$dd/backend/$l/state" 5; done
wait_for 10 leaf_gone vif/2/0
wait_for 10 leaf_gone vbd/2/1
script_called 'vif-mine offline type_if=vif backend/vif/2/0' || fail "vif/2/0 was not taken down"
script_called 'block-mine remove backend/vbd/2/1' || fail "vbd/2/1 was not taken down"
[ "$(wc -l <"$tmp/log/scripts")" = 4 ] || fail "more than once: $(script_calls)"

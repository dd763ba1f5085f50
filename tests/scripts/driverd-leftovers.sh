#!/bin/bash
# SPDX-License-Identifier: MIT
# What xl's own daemon left of a guest goes with the guest's last device, and no sooner; other guests' stays.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
xs write "$dd/libxl" ""; xs chmod "$dd/libxl" n1
xs write "$dd/libxl/2/qdisk-backend-pid" 77 "$dd/libxl/3/qdisk-backend-pid" 78
start_driverd
for l in "vbd 2 1" "qdisk 2 2" "vbd 3 1"; do add_leaf $l; done
for l in vbd/2/1 qdisk/2/2 vbd/3/1; do wait_for 10 state_is $l 2; done
xs write "$dd/backend/vbd/2/1/online" 0 "$dd/backend/vbd/2/1/state" 5
wait_for 10 leaf_gone vbd/2/1
wait_for 10 logged 'vbd-2-1: removed'
xs exists "$dd/libxl/2/qdisk-backend-pid" || fail "it went while the guest has a disk"
xs rm "$dd/backend/qdisk/2/2"
nothing () { ! xs exists "$dd/libxl/2"; }
wait_for 10 nothing
xs exists "$dd/libxl/3/qdisk-backend-pid" || fail "another guest's went"

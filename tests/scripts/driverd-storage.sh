#!/bin/bash
# SPDX-License-Identifier: MIT
# Exit status 2: no restart until the toolstack changes something, or SIGHUP.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
echo storage >"$tmp/mode/backend-vbd-2-1"
add_leaf vbd 2 1
start_driverd
wait_for 10 started_times vbd/2/1 1
wait_for 10 logged 'cannot be served as it is configured'
# What others write there is no change of the configuration.
xs write "$dd/backend/vbd/2/1/hotplug-status" x
sleep 1.5
[ "$(starts vbd/2/1)" = 1 ] || fail "it was started again without a change"

xs write "$dd/backend/vbd/2/1/params" /dev/zero
wait_for 10 started_times vbd/2/1 2
sleep 1
[ "$(starts vbd/2/1)" = 2 ] || fail "started more than once for one change"

rm "$tmp/mode/backend-vbd-2-1"
kill -HUP "$driverd_pid"
wait_for 10 state_is vbd/2/1 2
[ "$(starts vbd/2/1)" = 3 ] || fail "$(starts vbd/2/1) starts"

# A failed device can be detached, though no backend is there to close it.
echo storage >"$tmp/mode/backend-vbd-2-2"
add_leaf vbd 2 2
wait_for 10 started_times vbd/2/2 1
xs write "$dd/backend/vbd/2/2/online" 0 "$dd/backend/vbd/2/2/state" 5
wait_for 10 state_is vbd/2/2 6
wait_for 10 leaf_gone vbd/2/2

#!/bin/bash
# SPDX-License-Identifier: MIT
# A leaf that vanishes ends its backend, by force if need be; a new one gets a new one.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
echo stubborn >"$tmp/mode/backend-vbd-2-2"
add_leaf vbd 2 1
add_leaf vbd 2 2
start_driverd
wait_for 10 state_is vbd/2/1 2
wait_for 10 state_is vbd/2/2 2
polite=$(backend_pid vbd/2/1) stubborn=$(backend_pid vbd/2/2)
xs rm "$dd/backend/vbd/2/1"
wait_for 10 is_gone "$polite"
grep -q 'backend/vbd/2/1' "$tmp/log/terms" || fail "it was not asked to end"
wait_for 5 test ! -e "$tmp/run/vbd-2-1.journal"

# The parent directory goes: no event names the leaf itself.
xs rm "$dd/backend/vbd/2"
sleep 1
is_gone "$stubborn" && fail "killed without the time to end by itself"
add_leaf vbd 2 1
wait_for 10 state_is vbd/2/1 2
wait_for 20 is_gone "$stubborn"
wait_for 5 test ! -e "$tmp/run/vbd-2-2.lock"

# Gone and back before the daemon looks: still a new backend for the new leaf.
pid=$(backend_pid vbd/2/1)
kill -STOP "$driverd_pid"
xs rm "$dd/backend/vbd/2/1"
add_leaf vbd 2 1
kill -CONT "$driverd_pid"
wait_for 10 is_gone "$pid"
wait_for 10 state_is vbd/2/1 2

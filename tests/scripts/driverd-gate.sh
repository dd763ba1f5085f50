#!/bin/bash
# SPDX-License-Identifier: MIT
# A device whose frontend is said to be in another domain's home is not served: its backend would
# reach that domain's nodes. Without the gate a backend has the domain's own connection.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
add_leaf vbd 2 1 frontend /local/domain/3/device/vbd/1
add_leaf vbd 2 2 frontend /local/domain/2
add_leaf vbd 2 3
start_driverd
wait_for 10 state_is vbd/2/3 2
wait_for 10 logged 'vbd-2-1: the toolstack.s node frontend is no directory of domain 2'
wait_for 10 logged 'vbd-2-2: the toolstack.s node frontend is no directory of domain 2'
[ "$(starts vbd/2/1)$(starts vbd/2/2)" = 00 ] || fail "a backend was started"
grep -qx 7 "$tmp/log/fds-backend-vbd-2-3" || fail "the backend has no way of its own to the store"
kill -TERM "$driverd_pid"
wait "$driverd_pid" || true
xs write "$dd/backend/vbd/2/3/state" 1
start_driverd --store-gate=no
wait_for 10 started_times vbd/2/3 2
wait_for 10 state_is vbd/2/3 2
grep -qx 7 "$tmp/log/fds-backend-vbd-2-3" && fail "there is a gate"
logged 'warning: without a store gate' || fail "it does not say what that means"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Leaves that describe no device take no places from those that do.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
# Before the daemon starts, and while it runs; more of them than it has places.
junk () { for j in $(seq "$1" "$2"); do xs write "$dd/backend/vbd/2/$j/junk" 1; done; }
junk 100 108
start_driverd --max-backends=3
junk 200 208
sleep 0.5
add_leaf vbd 2 999
wait_for 20 state_is vbd/2/999 2
# One that becomes a device later is served, too.
add_leaf vbd 2 104
wait_for 20 state_is vbd/2/104 2
add_leaf vbd 3 1
wait_for 20 state_is vbd/3/1 2
junk 300 308
sleep 0.5
[ "$(children)" = 3 ] || fail "$(children) backends for 3 devices"
# There were never more devices than places.
if logged 'raise --max-backends'; then fail "what is no device was counted"; fi

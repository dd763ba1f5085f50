#!/bin/bash
# SPDX-License-Identifier: MIT
# --max-backends holds; the next device gets its turn when one goes.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
start_driverd --max-backends=3
for i in 1 2 3 4 5; do add_leaf vbd 2 $i; done
wait_for 10 test "$(wc -l <"$tmp/log/starts")" -ge 0
for i in 1 2 3; do wait_for 10 state_is vbd/2/$i 2; done
wait_for 10 logged 'raise --max-backends'
[ "$(children)" = 3 ] || fail "$(children) backends"
[ "$(starts vbd/2/4)$(starts vbd/2/5)" = 00 ] || fail "more than 3 were started"
xs write "$dd/backend/vbd/2/2/online" 0 "$dd/backend/vbd/2/2/state" 5
wait_for 10 leaf_gone vbd/2/2
one_of_them () { [ "$(($(starts vbd/2/4) + $(starts vbd/2/5)))" = 1 ]; }
wait_for 10 one_of_them
sleep 0.5
[ "$(children)" = 3 ] || fail "$(children) backends after one went"

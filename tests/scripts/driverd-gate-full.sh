#!/bin/bash
# SPDX-License-Identifier: MIT
# A gate that has no descriptors left for who connects waits for some: it does not spin, says so
# once, and serves who waited.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
requires prlimit --version
start_devices vbd/2/1
gate=$(gate_pid)
limit () { prlimit --pid "$gate" --nofile="$1":4096; }
requires limit 4096
# In hundredths of a second of processor time.
used () { awk '{ print $14 + $15 }' "/proc/$gate/stat"; }

# The device's backend connects for each node that it reads.
limit 4
wait_for 20 logged 'sluice-store-gate: error: .*wait until others end'
before=$(used)
sleep 2
[ $(($(used) - before)) -le 20 ] || fail "it used $(($(used) - before)) hundredths of a second for nothing"
# The toolstack's wish is heard of when there are descriptors again.
xs write "$dd/backend/vbd/2/1/online" 0
sleep 0.3
state_is vbd/2/1 2 || fail "its state is $(xs read "$dd/backend/vbd/2/1/state")"
limit 4096
wait_for 20 leaf_gone vbd/2/1
[ "$(grep -c 'wait until others end' "$tmp/log/driverd")" = 1 ] || fail "it said so more than once"
[ "$(gate_pid)" = "$gate" ] || fail "it is another gate"
add_leaf vbd 2 2
wait_for 20 state_is vbd/2/2 2

# The store's connection that could not be taken is asked for again.
limit 4
restart_store
wait_for 20 logged 'lost for the want of a descriptor'
limit 4096
wait_for 20 logged 'sluice-store-gate: the store is back'
[ "$(gate_pid)" = "$gate" ] || fail "it is another gate"
add_leaf vbd 2 3
wait_for 20 state_is vbd/2/3 2

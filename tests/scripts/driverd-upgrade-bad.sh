#!/bin/bash
# SPDX-License-Identifier: MIT
# A new build that is no good: the old one is not touched, or serves again at once.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
source "$(dirname "$0")/driverd-upgrade-functions.sh"
start_store
make_build good t-1
for id in 1 2 3 4 5 6 7; do add_leaf vbd 2 $id; done
start_driverd
for id in 1 2 3 4 5 6 7; do wait_for 10 logged "vbd-2-$id: backend .* is ready"; done

make_build mute t-1 mute
ask vbd/2/1 a
answered vbd/2/1 a refused
[[ "$(answer vbd/2/1)" == *"does not answer --journal-version"* ]] || fail "$(answer vbd/2/1)"
make_build hangs t-1 hangs
ask vbd/2/1 b
answered vbd/2/1 b refused
[ "$(builds vbd/2/1)" = good ] || fail "it was touched: $(builds vbd/2/1)"
sleep_gone () { ! ps -o args= --ppid "$driverd_pid" | grep -q '^sleep 300'; }
wait_for 5 sleep_gone
mv "$tmp/backend" "$tmp/away"
ask vbd/2/1 c
answered vbd/2/1 c refused

# It ends before it is ready.
make_build broken t-1 crash
ask vbd/2/2 d
answered vbd/2/2 d kept
[[ "$(answer vbd/2/2)" == *"exited with status 70 before it was ready"* ]] || fail "$(answer vbd/2/2)"
builds_are vbd/2/2 "good broken good" || fail "it was: $(builds vbd/2/2)"
# The good one goes on being what it is started from.
kill -9 "$(backend_pid vbd/2/2)"
wait_for 10 builds_are vbd/2/2 "good broken good good"
make_build poor t-1 storage
ask vbd/2/3 e
answered vbd/2/3 e kept
builds_are vbd/2/3 "good poor good" || fail "it was: $(builds vbd/2/3)"

# It serves, but not what its guest has connected to.
make_build anew t-1 anew
ask vbd/2/4 f
answered vbd/2/4 f reconnect

# One that has not said which journal it writes: nobody knows who may follow it.
make_build unsaid t-1 unsaid
ask vbd/2/5 g
answered vbd/2/5 g done
ask vbd/2/5 h
answered vbd/2/5 h refused
[[ "$(answer vbd/2/5)" == *"did not say which journal"* ]] || fail "$(answer vbd/2/5)"
[ "$(builds vbd/2/5)" = "good unsaid" ] || fail "it was: $(builds vbd/2/5)"

# No word that can be said again, and a question to a device that is gone.
ask vbd/2/6 "../../x y"
wait_for 10 logged 'vbd-2-6: its node upgrade is no word'
wait_for 10 sh -c "! XENSTORED_PATH='$tmp/store.sock' xenstore-exists '$dd/backend/vbd/2/6/upgrade'"
xs rm "$dd/backend/vbd/2/7"
ask vbd/2/7 i
sleep 1
[ "$(answer vbd/2/7)" = "" ] || fail "it wrote into a device that is gone: $(answer vbd/2/7)"
builds_are vbd/2/6 good || fail "it was: $(builds vbd/2/6)"

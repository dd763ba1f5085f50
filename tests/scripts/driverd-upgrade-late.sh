#!/bin/bash
# SPDX-License-Identifier: MIT
# A new build that is never ready, and one after which the old one is no good any more either.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
source "$(dirname "$0")/driverd-upgrade-functions.sh"
start_store
make_build good t-1
add_leaf vbd 2 1
add_leaf vbd 2 2
start_driverd
for id in 1 2; do wait_for 10 logged "vbd-2-$id: backend .* is ready"; done
make_build silent t-1 silent
ask vbd/2/1 a
wait_for 10 builds_are vbd/2/1 "good silent"
answered vbd/2/1 a kept
builds_are vbd/2/1 "good silent good" || fail "it was: $(builds vbd/2/1)"

# The storage went meanwhile: no build of any age can serve.
make_build two t-1
touch "$tmp/no-storage"
ask vbd/2/2 b
answered vbd/2/2 b lost
[[ "$(answer vbd/2/2)" == *"the new build exited with status 2 before it was ready"* ]] || fail "$(answer vbd/2/2)"
builds_are vbd/2/2 "good two good" || fail "it was: $(builds vbd/2/2)"
# When it is there again, what is installed is what is started.
rm "$tmp/no-storage"
kill -HUP "$driverd_pid"
wait_for 10 builds_are vbd/2/2 "good two good two"

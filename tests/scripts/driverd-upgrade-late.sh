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
make_build weary t-1
ask vbd/2/2 b
answered vbd/2/2 b done
sed -i 's/^tmp=.* mode=serve$/&; [ -e $tmp\/no-storage ] \&\& mode=storage/' "$tmp/backend"
touch "$tmp/no-storage"
ask vbd/2/2 c
answered vbd/2/2 c kept

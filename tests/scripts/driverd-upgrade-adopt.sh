#!/bin/bash
# SPDX-License-Identifier: MIT
# An older daemon's backend is replaced, too; what was asked while there was no daemon is done.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
source "$(dirname "$0")/driverd-upgrade-functions.sh"
start_store
make_build one t-1
add_leaf vbd 2 1
start_driverd
wait_for 10 logged "vbd-2-1: backend .* is ready"
one=$(backend_pid vbd/2/1)
cleanup_fn end_process "$one"
kill -KILL "$driverd_pid"
wait "$driverd_pid" || true
make_build two t-2
ask vbd/2/1 a
start_driverd
answered vbd/2/1 a refused
[[ "$(answer vbd/2/1)" == *"of t-2, not of t-1"* ]] || fail "$(answer vbd/2/1)"
kill -0 "$one" || fail "the old one was ended"
make_build three "t-2 t-1"
ask vbd/2/1 b
answered vbd/2/1 b done
wait_for 5 is_gone "$one"
builds_are vbd/2/1 "one three" || fail "it was: $(builds vbd/2/1)"

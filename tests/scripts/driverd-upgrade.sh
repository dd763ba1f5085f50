#!/bin/bash
# SPDX-License-Identifier: MIT
# The toolstack's node "upgrade": another build takes over, at once and without a word of a crash.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
source "$(dirname "$0")/driverd-upgrade-functions.sh"
start_store
make_build one t-1
add_leaf vbd 2 1
add_leaf vbd 2 2
start_driverd
wait_for 10 state_is vbd/2/1 2
wait_for 10 state_is vbd/2/2 2
wait_for 10 logged 'vbd-2-1: backend .* is ready'
old=$(backend_pid vbd/2/1)
make_build two "t-2 t-1"
ask vbd/2/1 first
answered vbd/2/1 first done
is_gone "$old" || fail "the old backend lives on"
[ "$(builds vbd/2/1)" = "one two" ] || fail "it was: $(builds vbd/2/1)"
[ "$(builds vbd/2/2)" = one ] || fail "the other device's backend was replaced, too"
xs exists "$dd/backend/vbd/2/1/upgrade" && fail "the question is still there"
logged 'vbd-2-1: .*killed by signal.*started again' && fail "it was taken for a crash"
xs exists "$dd/error/backend/vbd/2/1/error" && fail "an error was published"

# What the old one wrote is what counts: two writes t-2 now.
make_build three "t-3 t-1"
ask vbd/2/1 second
answered vbd/2/1 second refused
[[ "$(answer vbd/2/1)" == *"goes on with journals of t-3 t-1, not of t-2"* ]] || fail "$(answer vbd/2/1)"
[ "$(builds vbd/2/1)" = "one two" ] || fail "it was touched: $(builds vbd/2/1)"
# A crash is no upgrade: what crashed comes back, not what lies at its path by now.
kill -9 "$(backend_pid vbd/2/1)"
wait_for 10 builds_are vbd/2/1 "one two two"
make_build four "t-2"
wait_for 10 logged "vbd-2-1: backend $(backend_pid vbd/2/1) is ready"
ask vbd/2/1 third
answered vbd/2/1 third done
builds_are vbd/2/1 "one two two four" || fail "it was: $(builds vbd/2/1)"

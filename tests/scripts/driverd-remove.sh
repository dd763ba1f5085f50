#!/bin/bash
# SPDX-License-Identifier: MIT
# Detach: the backend closes, the leaf stays readable at 6 for a while, then is deleted.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_devices vbd/2/1
pid=$(backend_pid vbd/2/1)
xs write "$dd/error/backend/vbd/2/1/error" "of yesterday"
xs write "$dd/error/backend/vbd/3/1/error" "of another's"
for path in '' /vbd /vbd/2 /vbd/2/1 /vbd/2/1/error; do xs chmod "$dd/error/backend$path" n1; done
xs write "$dd/backend/vbd/2/1/online" 0 "$dd/backend/vbd/2/1/state" 5
wait_for 10 state_is vbd/2/1 6
wait_for 10 is_gone "$pid"
# libxl polls for exactly 6: it must still find it when the backend has ended. (How long
# is proven by the unit test of the device machine.)
state_is vbd/2/1 6 || fail "the leaf went before the toolstack could read 6"
wait_for 10 leaf_gone vbd/2/1
[ "$(starts vbd/2/1)" = 1 ] || fail "it was started again"
wait_for 5 test ! -e "$tmp/run/vbd-2-1.journal"
wait_for 5 test ! -e "$tmp/run/vbd-2-1.lock"
xs read "$dd/error/backend/vbd/2/1/error" >/dev/null 2>&1 && fail "its error node stayed"
# Nor does its guest's directory, now empty, while another guest's errors are not touched.
no_errors () { ! xs read "$dd/error/backend/vbd/2" >/dev/null 2>&1; }
wait_for 5 no_errors
xs read "$dd/error/backend/vbd/3/1/error" >/dev/null || fail "another guest's error node went"
# The directories above are the toolstack's.
xs list "$dd/backend/vbd" >/dev/null || fail "it deleted more than its leaf"
# The same name again is a new device.
add_leaf vbd 2 1
wait_for 10 state_is vbd/2/1 2

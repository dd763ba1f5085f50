#!/bin/bash
# SPDX-License-Identifier: MIT
# A backend that crashes is started again, ever later, and the others do not notice.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_devices vbd/2/1 vbd/2/2
kill -9 "$(backend_pid vbd/2/1)"
wait_for 10 started_times vbd/2/1 2
logged 'vbd-2-1: the backend was killed by signal 9' || fail "the crash was not logged"
wait_for 5 xs read "$dd/error/backend/vbd/2/1/error"
xs read "$dd/error/backend/vbd/2/1/error" | grep -q 'killed by signal 9' ||
	fail "error node: $(xs read "$dd/error/backend/vbd/2/1/error")"
[ "$(starts vbd/2/2)" = 1 ] || fail "the other backend was restarted"

# One that cannot live: the waits double, and each change is logged once.
echo crash >"$tmp/mode/backend-vbd-2-3"
add_leaf vbd 2 3
wait_for 20 logged 'vbd-2-3: .*started again in 0.8 s'
for wait in 0.1 0.2 0.4 0.8; do
	n=$(grep -c "vbd-2-3: the backend exited with status 70; it is started again in $wait s" "$tmp/log/driverd")
	[ "$n" = 1 ] || fail "the wait of $wait s was logged $n times"
done
# Mended: it recovers by itself.
rm "$tmp/mode/backend-vbd-2-3"
wait_for 20 state_is vbd/2/3 2

#!/bin/bash
# SPDX-License-Identifier: MIT
# The gate has a socket for each device that is served. Of a backend that ended while there was no
# daemon the next daemon tells it; one that lives is served on.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_devices vbd/2/1 vbd/2/2
gate=$(gate_pid)
# Whoever connects and goes comes and goes, too.
listening () { ss -xlp 2>/dev/null | grep -c "pid=$gate,"; }
[ "$(listening)" != 0 ] || skip "the gate's sockets cannot be seen here"
[ "$(listening)" = 3 ] || fail "the gate has $(listening) sockets, of two devices and its own"
kill -KILL "$driverd_pid"
wait "$driverd_pid" 2>/dev/null || :
kill -KILL "$(backend_pid vbd/2/2)"
xs rm "$dd/backend/vbd/2/2"
start_driverd
two () { [ "$(listening)" = 2 ]; }
wait_for 20 two
[ "$(gate_pid)" = "$gate" ] || fail "it is another gate"
xs write "$dd/backend/vbd/2/1/online" 0 "$dd/backend/vbd/2/1/state" 5
wait_for 20 leaf_gone vbd/2/1
one () { [ "$(listening)" = 1 ]; }
wait_for 20 one

#!/bin/bash
# SPDX-License-Identifier: MIT
# A network device's interface dies with its backend: what the script did to it is undone, and done to the next.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
make_script vif-bridge
start_driverd
add_leaf vif 2 0 script "$tmp/scripts/vif-bridge"
wait_for 10 status_is vif/2/0 connected
kill -9 "$(backend_pid vif/2/0)"
wait_for 10 started_times vif/2/0 2
thrice () { [ "$(wc -l <"$tmp/log/scripts")" = 3 ]; }
wait_for 10 thrice
wait_for 10 status_is vif/2/0 connected
want="vif-bridge online type_if=vif backend/vif/2/0"
[ "$(script_calls)" = "$want;${want/online/offline};$want" ] || fail "called: $(script_calls)"

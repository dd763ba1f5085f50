#!/bin/bash
# SPDX-License-Identifier: MIT
# A daemon that is started while its killed predecessor still dies waits for its end.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
start_driverd
kill "$driverd_pid"
wait "$driverd_pid" || fail "it ended with status $?"
flock "$tmp/run/sluice-driverd.lock" sh -c ": >'$tmp/held'; sleep 1" &
wait_for 10 test -e "$tmp/held"
start_driverd

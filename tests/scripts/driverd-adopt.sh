#!/bin/bash
# SPDX-License-Identifier: MIT
# Backends outlive a killed daemon; the next one adopts them and starts no second one.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_devices vbd/2/1 vbd/2/2
one=$(backend_pid vbd/2/1) two=$(backend_pid vbd/2/2)
cleanup_fn end_process "$one"
cleanup_fn end_process "$two"
kill -KILL "$driverd_pid"
wait "$driverd_pid" || true
is_gone "$one" && fail "a backend died with the daemon"
# While nobody watches, one leaf goes.
xs rm "$dd/backend/vbd/2/2"
start_driverd
logged "vbd-2-1: adopted the running backend $one" || fail "it was not adopted"
wait_for 10 is_gone "$two"
sleep 1
[ "$(starts vbd/2/1)" = 1 ] || fail "a second backend was started on a device that has one"
# Supervised as before: a crash is noticed, a removal is carried out.
kill -KILL "$one"
wait_for 10 started_times vbd/2/1 2
wait_for 10 state_is vbd/2/1 2
xs write "$dd/backend/vbd/2/1/online" 0 "$dd/backend/vbd/2/1/state" 5
wait_for 10 leaf_gone vbd/2/1
wait_for 5 test ! -e "$tmp/run/vbd-2-1.lock"

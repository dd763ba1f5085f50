#!/bin/bash
# SPDX-License-Identifier: MIT
# SIGTERM ends all backends and then the daemon; SIGKILL takes them along only on request.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
for i in 1 2 3; do add_leaf vbd 2 $i; done
start_driverd --pid-file="$tmp/pid"
[ "$(cat "$tmp/pid")" = "$driverd_pid" ] || fail "pid file: $(cat "$tmp/pid")"
for i in 1 2 3; do wait_for 10 state_is vbd/2/$i 2; done
pids=$(cut -d' ' -f2 "$tmp/log/starts")
kill -TERM "$driverd_pid"
status=0; wait "$driverd_pid" || status=$?
[ "$status" = 0 ] || fail "it exited with $status"
for pid in $pids; do is_gone "$pid" || fail "backend $pid was left behind"; done
[ "$(wc -l <"$tmp/log/terms")" = 3 ] || fail "not all were asked to end"
[ ! -e "$tmp/pid" ] || fail "the pid file stayed"
# They were not removed by the toolstack: their leaves and journals stay.
xs exists "$dd/backend/vbd/2/1/state" || xs read "$dd/backend/vbd/2/1/state" >/dev/null
[ -e "$tmp/run/vbd-2-1.journal" ] || fail "a journal was lost"

start_driverd --kill-backends-with-daemon
wait_for 10 started_times vbd/2/3 2
pids=$(tail -3 "$tmp/log/starts" | cut -d' ' -f2)
kill -KILL "$driverd_pid"
for pid in $pids; do wait_for 10 is_gone "$pid"; done

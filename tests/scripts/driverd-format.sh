#!/bin/bash
# SPDX-License-Identifier: MIT
# The format server outlives a killed daemon and is adopted; it is ended before another backend
# starts, and when its device is removed.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
for program in qemu-img qemu-nbd; do
	command -v $program >/dev/null || skip "$program is not installed"
done
start_store
make_backend
qemu-img create -q -f qcow2 "$tmp/a.qcow2" 8M
add_leaf vbd 2 1 params "qcow2:$tmp/a.qcow2" mode w
start_driverd
# Of the lock, as whoever adopts it finds it.
server () { head -n 1 "$tmp/run/vbd-2-1.format"; }
runs () { grep -qE "^State:[[:space:]]+[RSDTtI]" "/proc/$1/status" 2>/dev/null && [ "$(cat "/proc/$1/comm")" = qemu-nbd ]; }
wait_for 20 state_is vbd/2/1 2
one=$(server) backend=$(backend_pid vbd/2/1)
cleanup_fn end_process "$one"
cleanup_fn end_process "$backend"
runs "$one" || fail "the format server does not run"
nbdinfo --size "nbd+unix:///qcow2:$tmp/a.qcow2?socket=$tmp/run/vbd-2-1.nbd" >"$tmp/size" 2>/dev/null || echo 8388608 >"$tmp/size"
[ "$(cat "$tmp/size")" = 8388608 ] || fail "it serves $(cat "$tmp/size") bytes"
kill -KILL "$driverd_pid"
wait "$driverd_pid" || true
runs "$one" || fail "the format server died with the daemon"
start_driverd
logged "vbd-2-1: adopted the running format server $one" || fail "it was not adopted"
[ "$(server)" = "$one" ] || fail "there is a second one"
# The fence: it has ended before the next backend starts.
kill -KILL "$backend"
wait_for 20 started_times vbd/2/1 2
two=$(server)
cleanup_fn end_process "$two"
[ "$two" != "$one" ] || fail "two backends had the same format server"
! runs "$one" || fail "the first one still runs"
wait_for 10 state_is vbd/2/1 2
# The daemon ends: so do its backend and the server.
# One that flushes long is waited for: unseen it would be taken for one that lost something.
kill -STOP "$two"
cleanup_fn eval "kill -CONT $two 2>/dev/null || :"
kill "$driverd_pid"
sleep 12
kill -CONT "$two"
wait "$driverd_pid" || fail "the daemon's status is $?"
[ ! -e "$tmp/run/vbd-2-1.format" ] || fail "its end was not waited for"
! runs "$two" || fail "the format server outlived the daemon's end"
start_driverd
wait_for 20 started_times vbd/2/1 3
three=$(server)
cleanup_fn end_process "$three"
xs write "$dd/backend/vbd/2/1/online" 0 "$dd/backend/vbd/2/1/state" 5
wait_for 20 leaf_gone vbd/2/1
wait_for 10 eval "! runs $three"
wait_for 10 test ! -e "$tmp/run/vbd-2-1.format"
[ ! -e "$tmp/run/vbd-2-1.nbd" ] || fail "its socket is left"

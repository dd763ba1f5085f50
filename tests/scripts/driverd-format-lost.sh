#!/bin/bash
# SPDX-License-Identifier: MIT
# What a format server took along is known to the next daemon, too; and an adopted server is started
# again as what it was, and dead before it was told to end is not ended in order.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
for program in qemu-img qemu-nbd; do
	command -v $program >/dev/null || skip "$program is not installed"
done
# server LEAF: its format server, of the lock.
server () { head -n 1 "$tmp/run/$1.format"; }
is_other () { [ "$(server "$1")" != "$2" ] && grep -qx qemu-nbd "/proc/$(server "$1")/comm"; }
# All threads: only then it is its parent's.
ended () { ! cat "/proc/$1/task/"*/status 2>/dev/null | grep -qE '^State:[[:space:]]+[RSDTtI]'; }
restart_driverd () {
	kill -KILL "$driverd_pid"
	wait "$driverd_pid" || true
	start_driverd
}
start_store
make_backend
for leaf in 1 2 3; do
	qemu-img create -q -f qcow2 "$tmp/$leaf.qcow2" 8M
	add_leaf vbd 2 $leaf params "qcow2:$tmp/$leaf.qcow2" mode "$([ $leaf = 2 ] && echo r || echo w)"
done
start_driverd
for leaf in 1 2 3; do
	wait_for 20 state_is vbd/2/$leaf 2
	eval "server_$leaf=$(server vbd-2-$leaf) backend_$leaf=$(backend_pid vbd/2/$leaf)"
	cleanup_fn end_process "$(server vbd-2-$leaf)"
	cleanup_fn end_process "$(backend_pid vbd/2/$leaf)"
done
sleep 1.2 # it is not one that dies at once
kill -KILL "$server_1"
wait_for 20 is_other vbd-2-1 "$server_1"
cleanup_fn end_process "$(server vbd-2-1)"
wait_for 20 logged "vbd-2-1: format server $(server vbd-2-1) is ready"
restart_driverd
for leaf in 1 2 3; do
	wait_for 20 logged "vbd-2-$leaf: adopted the running format server $(server vbd-2-$leaf)"
done

# One that was lost under an earlier daemon is not made good by its successor's end.
kill -KILL "$backend_1"
wait_for 20 logged "vbd-2-1: .*may be lost; check the image"
! started_times vbd/2/1 2 || fail "the next backend goes on"
# Attached anew it is another device.
xs write "$dd/backend/vbd/2/1/state" 1
wait_for 20 started_times vbd/2/1 2
cleanup_fn end_process "$(server vbd-2-1)"
cleanup_fn end_process "$(backend_pid vbd/2/1)"
[ ! -e "$tmp/run/vbd-2-1.lost" ] || fail "it is still noted as lost"

# A read-only image stays one.
kill -KILL "$server_2"
wait_for 20 is_other vbd-2-2 "$server_2"
cleanup_fn end_process "$(server vbd-2-2)"
tr '\0' '\n' <"/proc/$(server vbd-2-2)/cmdline" | grep -qx -e --read-only || fail "it is served to be written"

# Both are dead when the daemon hears of the backend.
kill -STOP "$driverd_pid"
kill -KILL "$backend_3"
wait_for 20 ended "$backend_3"
kill -KILL "$server_3"
wait_for 20 ended "$server_3"
kill -CONT "$driverd_pid"
wait_for 20 logged "vbd-2-3: .*may be lost; check the image"
! started_times vbd/2/3 2 || fail "the next backend goes on"

#!/bin/bash
# SPDX-License-Identifier: MIT
# A format server whose last flush fails: no other backend goes on with the image, and the operator
# hears of it, in the log and in the error node, also when the disk is taken away and when the
# daemon is not the one that started it. One that dies before it has flushed is no better.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
source "$(dirname "$0")/storage-functions.sh"
for program in qemu-img qemu-nbd qemu-io nbdcopy; do
	command -v $program >/dev/null || skip "$program is not installed"
done
use_storage uring
storage_can_fuse || skip "no file that fails: nbdkit's error filter, nbdfuse or /dev/fuse is missing here"
cleanup_fn storage_stop
storage_start 16 eio
image=$storage_uri
truncate -s 8M "$tmp/data"
qemu-io -f raw -c 'write -P 7 1M 1M' "$tmp/data" >/dev/null
start_store
make_backend
error=$dd/error/backend/vbd/2/1/error
server () { head -n 1 "$tmp/run/vbd-2-1.format"; }
ended () { ! cat "/proc/$1/task/"*/status 2>/dev/null | grep -qE '^State:[[:space:]]+[RSDTtI]'; }
# begin N: the Nth backend is up, on an image that is new.
begin () {
	wait_for 30 started_times vbd/2/1 "$1"
	wait_for 30 state_is vbd/2/1 2
	one=$(server) backend=$(backend_pid vbd/2/1)
	cleanup_fn end_process "$one"
	cleanup_fn end_process "$backend"
}
# Written and acknowledged, never flushed, as by a backend's connection.
# QEMU's programs would flush.
write_unflushed () {
	nbdcopy "$tmp/data" "nbd+unix:///qcow2:$image?socket=$tmp/run/vbd-2-1.nbd" >"$tmp/io" 2>&1 || fail "$(cat "$tmp/io")"
}
fresh_image () {
	storage_mend
	qemu-img create -q -f qcow2 "$tmp/new.qcow2" 8M
	dd if="$tmp/new.qcow2" of="$image" bs=64k conv=notrunc,fsync status=none
}
# lost TEXT STARTS: that is the reason, in the log and in the node, and no backend followed.
lost () {
	wait_for 60 logged "vbd-2-1: .*$1.*may be lost"
	wait_for 20 eval 'xs read "$error" | grep -q "may be lost; check the image"'
	wait_for 60 ended "$one"
	sleep 0.3
	! started_times vbd/2/1 $(($2 + 1)) || fail "the next backend goes on"
}
attach_anew () { : >"$tmp/log/driverd"; xs write "$dd/backend/vbd/2/1/state" 1; }

fresh_image
add_leaf vbd 2 1 params "qcow2:$image" mode w
start_driverd
begin 1
write_unflushed
storage_break eio
kill -KILL "$backend"
lost "could not flush (Input/output error)" 1
echo "a killed backend's server that could not flush"

# One that could, dies as it likes afterwards: the disk goes on.
fresh_image
attach_anew
begin 2
write_unflushed
kill -KILL "$backend"
begin 3
[ "$(qemu-io -r -f raw -c 'read -P 7 1M 1M' "nbd+unix:///qcow2:$image?socket=$tmp/run/vbd-2-1.nbd" | grep -c 'verification failed')" = 0 ] ||
	fail "what was acknowledged is gone"
echo "and one that could"

# Dead between the backend's end and its flush, under a daemon that has only adopted it: of its exit
# nothing is known.
kill -KILL "$driverd_pid"
wait "$driverd_pid" || true
start_driverd
wait_for 20 logged "adopted the running format server $one"
kill -STOP "$one"
kill -KILL "$backend"
wait_for 20 ended "$backend"
sleep 0.5
kill -KILL "$one"
lost "could not flush\|ended" 3
echo "an adopted one that was killed before it had flushed"

# The disk is taken away: nobody comes after it, and the error stays to be read.
fresh_image
attach_anew
begin 4
write_unflushed
storage_break eio
xs write "$dd/backend/vbd/2/1/online" 0 "$dd/backend/vbd/2/1/state" 5
wait_for 30 leaf_gone vbd/2/1
wait_for 30 ended "$one"
xs read "$error" | grep -q "Input/output error.*may be lost" || fail "the error is not left to be read"
wait_for 10 test ! -e "$tmp/run/vbd-2-1.lost"
# And it is another device's no more.
fresh_image
add_leaf vbd 2 1 params "qcow2:$image" mode w
begin 5

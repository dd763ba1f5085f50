#!/bin/bash
# SPDX-License-Identifier: MIT
# An image in a format beside the same image as a raw disk or in another format server, and on a
# device beside whoever has that: one writer, or readers.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/format-functions.sh"
PATH=$PATH:/usr/sbin:/sbin
image=$tmp/a.qcow2
qemu-img create -q -f qcow2 "$image" 8M
# As a raw disk it is of whole sectors.
truncate -s 1M "$image"
# hold DISK: a guest has it until let_go.
hold () {
	rm -f "$tmp/go"
	SLUICE_LOG=info timeout -k 5 200 "$sluice" exec --disk="$1" -- \
		sh -c "echo up; while [ ! -e '$tmp/go' ]; do sleep 0.1; done" >"$tmp/out.hold" 2>"$tmp/log" &
	guest=$!
	cleanup_fn eval "kill $guest 2>/dev/null; wait $guest 2>/dev/null || :"
	wait_for 60 eval "grep -qx up '$tmp/out.hold' || ! kill -0 $guest"
	grep -qx up "$tmp/out.hold" || { cat "$tmp/log"; fail "$1 is not served"; }
}
let_go () { touch "$tmp/go"; served; }
too () {
	timeout -k 5 60 "$sluice" exec --disk="$1" -- true >"$tmp/out" 2>&1 || { cat "$tmp/out"; fail "$1: refused"; }
	echo "$1: served"
}
hold "$image"
refused "qcow2:$image" "in use by another process (locked)"
refused "qcow2:$image,ro" "in use by another process (locked)"
let_go
hold "$image,ro"
refused "qcow2:$image" "in use by another process (locked)"
too "qcow2:$image,ro"
let_go
hold "qcow2:$image"
refused "$image" "in use by another process (locked)"
refused "$image,ro" "in use by another process (locked)"
refused "qcow2:$image" "in use by another process (locked)"
refused "qcow2:$image,ro" "in use by another process (locked)"
let_go
hold "qcow2:$image,ro"
refused "qcow2:$image" "in use by another process (locked)"
refused "$image" "in use by another process (locked)"
too "qcow2:$image,ro"
too "$image,ro"
let_go

# On a device, of which there may be other names and other users.
command -v losetup >/dev/null && [ -w /dev/loop-control ] || { echo "left out: devices; no loop devices here"; exit 0; }
truncate -s 16M "$image"
loop=$(losetup --find --show "$image") || { echo "left out: devices; no loop device is free"; exit 0; }
cleanup_fn eval "losetup --detach $loop 2>/dev/null || :"
hold "$loop"
refused "qcow2:$loop" "in use by"
let_go
hold "qcow2:$loop"
refused "$loop" "in use by"
let_go
command -v python3 >/dev/null || { echo "left out: claimed devices; python3 is not installed"; exit 0; }
python3 -c 'import os, sys, time
os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL); print("claimed", flush=True); time.sleep(100)' "$loop" >"$tmp/claimed" &
claimer=$!
cleanup_fn eval "kill $claimer 2>/dev/null; wait $claimer 2>/dev/null || :"
wait_for 20 grep -q claimed "$tmp/claimed"
refused "qcow2:$loop" "in use by somebody else (mounted, or part of another device)"
too "qcow2:$loop,ro"

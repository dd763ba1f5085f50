#!/bin/bash
# SPDX-License-Identifier: MIT
# Images that are not served: those that name others, or are not what they are called.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/format-functions.sh"
qemu-img create -q -f qcow2 "$tmp/base.qcow2" 16M
qemu-img create -q -f qcow2 -b "$tmp/base.qcow2" -F qcow2 "$tmp/over.qcow2"
qemu-img create -q -f qcow2 -o data_file="$tmp/data.raw" "$tmp/data.qcow2" 16M
qemu-img create -q -f vmdk -o subformat=monolithicFlat "$tmp/flat.vmdk" 16M
truncate -s 16M "$tmp/plain.img"
refused "qcow2:$tmp/over.qcow2" "names a backing file"
refused "qcow2:$tmp/over.qcow2" "qemu-img convert -O qcow2"
refused "qcow2:$tmp/data.qcow2" "names a data file"
refused "vmdk:$tmp/flat.vmdk" "names other files (extents)"
refused "qcow2:$tmp/plain.img" "is no qcow2 image; its format is never guessed"
refused "vhd:$tmp/base.qcow2" "is no vhd image"
refused "qcow2:$tmp/none" "No such file"
# One that somebody writes already, by QEMU's own locks and by ours.
qemu-nbd --persistent --socket="$tmp/other.sock" --format=qcow2 "$tmp/base.qcow2" 2>"$tmp/other.log" &
other=$!
cleanup_fn eval "kill $other 2>/dev/null; wait $other 2>/dev/null || :"
wait_for 20 test -S "$tmp/other.sock"
refused "qcow2:$tmp/base.qcow2" "another process using the image"
kill $other && wait $other || :
serve "qcow2:$tmp/base.qcow2" flushed flush=1 expect="$tmp/expect" go="$tmp/go"
says '^acknowledged'
refused "qcow2:$tmp/base.qcow2" "in use by another process"
refused "$tmp/base.qcow2" "in use"
touch "$tmp/go"
served

#!/bin/bash
# SPDX-License-Identifier: MIT
# The daemon is killed, and with its domain's processes the format server, which flushed nothing:
# nobody can know whether something is lost, so the disk fails and says so.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/format-functions.sh"
qemu-img create -q -f qcow2 "$tmp/disk.qcow2" 8M
serve "qcow2:$tmp/disk.qcow2" flushed flush=0 expect="$tmp/expect" go="$tmp/go"
says '^acknowledged'
kill -9 "$(process_below "$guest" sluice-driverd)"
says "what was acknowledged and not flushed may be lost"
touch "$tmp/go"
served 1
# Attached anew it is served.
serve "qcow2:$tmp/disk.qcow2" types
served

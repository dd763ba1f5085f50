#!/bin/bash
# SPDX-License-Identifier: MIT
# Images in each format: what a guest wrote is in the image when the guest has gone.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/format-functions.sh"
for format in qcow2:qcow2 vhd:vpc vmdk:vmdk vdi:vdi vhdx:vhdx qed:qed; do
	image=$tmp/disk.${format%:*}
	qemu-img create -q -f "${format#*:}" "$image" 16M
	serve "${format%:*}:$image" flushed flush=1 expect="$tmp/expect"
	served
	grep -q acknowledged "$tmp/out" || fail "nothing was written"
	wait_for 10 eval '! format_server'
	qemu-img convert -f "${format#*:}" -O raw "$image" "$tmp/raw"
	"$conform" compare expect="$tmp/expect" actual="$tmp/raw" >"$tmp/out" 2>&1 ||
		{ cat "$tmp/out"; fail "$format: the image differs"; }
	# The same by a disk that is only read.
	serve "${format%:*}:$image,ro" readonly expect="$tmp/expect"
	served
done

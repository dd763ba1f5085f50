#!/bin/bash
# SPDX-License-Identifier: MIT
# Images in formats as a guest's disks, by xl's words for them and by ours, through the benchmark's
# own stack: what is written is verified, and the image holds it.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/format-functions.sh"
cd "$tmp"
for format in qcow2:qcow2 vhd:vpc; do
	qemu-img create -q -f "${format#*:}" disk.img 16M
	cat >format.cfg <<-END
	name="format"
	kernel="/dev/null"
	disk=[ "disk.img,${format%:*},xvda,rw" ]
	END
	"$sluice" create -n format.cfg >out 2>&1 || { cat out; fail "the configuration is refused"; }
	disk=$(sed -n 's/.* --disk=\([^ ]*\).*/\1/p' out)
	[ "$disk" = "${format%:*}:$tmp/disk.img,dev=xvda" ] || fail "the disk is $disk"
	"$sluice" exec --disk="$disk" -- "$conform" flushed flush=1 expect=expect >out 2>&1 || { cat out; fail "it is not served"; }
	wait_for 10 eval '! format_server'
	qemu-img convert -f "${format#*:}" -O raw disk.img raw
	"$conform" compare expect=expect actual=raw >out 2>&1 || { cat out; fail "$format: the image differs"; }
done

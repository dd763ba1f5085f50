#!/bin/bash
# SPDX-License-Identifier: MIT
# qemu-img reads and writes a PV disk through the plugin.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/nbdkit-functions.sh"
requires qemu-img --version
truncate -s 32M "$tmp/disk.img" "$tmp/back.img"
head -c 20M /dev/urandom | dd of="$tmp/disk.img" conv=notrunc status=none
serve "$tmp/disk.img" "qemu-img info --output=json \"\$uri\" >$tmp/info &&
	qemu-img convert -f raw -O qcow2 \"\$uri\" $tmp/copy.qcow2"
grep -q '"virtual-size": 33554432' "$tmp/info" || fail "qemu-img info: $(cat "$tmp/info")"
qemu-img compare "$tmp/copy.qcow2" "$tmp/disk.img" || fail "the copy differs"
serve "$tmp/back.img" "qemu-img convert -n -f qcow2 -O raw $tmp/copy.qcow2 \"\$uri\""
qemu-img compare "$tmp/back.img" "$tmp/disk.img" || fail "what was written differs"

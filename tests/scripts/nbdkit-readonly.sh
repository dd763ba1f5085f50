#!/bin/bash
# SPDX-License-Identifier: MIT
# A read-only disk is read-only for NBD clients, too.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/nbdkit-functions.sh"
requires nbdinfo --version
requires qemu-io --version
head -c 1M /dev/urandom >"$tmp/disk.img"
before=$(sha256sum <"$tmp/disk.img")
serve "$tmp/disk.img,ro" "nbdinfo \"\$uri\" | grep 'is_read_only: true' || exit 3
	qemu-io -f raw -c 'write 0 4k' \"\$uri\" && exit 4
	nbdcopy \"\$uri\" $tmp/out.img"
cmp "$tmp/disk.img" "$tmp/out.img" || fail "the copy differs"
[ "$(sha256sum <"$tmp/disk.img")" = "$before" ] || fail "the image changed"

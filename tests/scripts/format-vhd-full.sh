#!/bin/bash
# SPDX-License-Identifier: MIT
# A vhd image whose file system is full: qemu-nbd would give two blocks the same place after that,
# so the disk fails as a whole, and says so; another server goes on with the image.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/format-functions.sh"
source "$srcdir/tests/scripts/storage-functions.sh"
image=$tmp/fs/a.vhd
storage_tmpfs "$tmp/fs" 20 || skip "no file system can be mounted here, which could be full"
qemu-img create -q -f vpc -o force_size=on "$image" 16M
serve "vhd:$image" errors go="$tmp/go" stop="$tmp/stop"
says '^ready'
dd if=/dev/zero of="$tmp/fs/filler" bs=4k status=none 2>/dev/null || :
touch "$tmp/go"
says 'may mix up the image.s blocks; all requests of this disk fail until it is attached anew'
says '^error '
# Room does not help: only another server does.
rm "$tmp/fs/filler"
touch "$tmp/stop"
! (wait_for 3 eval "! kill -0 $guest") 2>/dev/null || fail "it works again: $(cat "$tmp/out")"
kill "$guest" && wait "$guest" || :
wait_for 30 eval '! format_server'
serve "vhd:$image" load ops=500
served

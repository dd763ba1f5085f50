#!/bin/bash
# SPDX-License-Identifier: MIT
# A file system on a PV disk, checked through the plugin and FUSE.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/nbdkit-functions.sh"
requires nbdfuse --version
requires e2fsck -V
[ -w /dev/fuse ] || skip "/dev/fuse is not usable"
truncate -s 64M "$tmp/disk.img"
mkfs.ext4 -q -F "$tmp/disk.img"
mkdir "$tmp/mnt"
cat >"$tmp/check" <<EOF
nbdfuse $tmp/mnt "\$1" &
for i in \$(seq 200); do [ -e $tmp/mnt/nbd ] && break; sleep 0.05; done
[ -e $tmp/mnt/nbd ] || { echo "no mount" >$tmp/status; exit 0; }
e2fsck -fy $tmp/mnt/nbd; echo \$? >$tmp/status
fusermount3 -u $tmp/mnt || fusermount -u $tmp/mnt || umount $tmp/mnt
wait
EOF
serve "$tmp/disk.img" "sh $tmp/check \"\$uri\""
[ "$(cat "$tmp/status")" = "no mount" ] && skip "FUSE mounts do not work in the guest domain"
[ "$(cat "$tmp/status")" = 0 ] || fail "e2fsck ended with $(cat "$tmp/status")"
e2fsck -fn "$tmp/disk.img" || fail "the image is not clean afterwards"

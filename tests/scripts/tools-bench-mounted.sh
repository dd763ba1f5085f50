# SPDX-License-Identifier: MIT
# A block device that is mounted is not written to.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
PATH=$PATH:/usr/sbin:/sbin
truncate -s 8M "$tmp/fs.img"
requires mkfs.ext4 -q "$tmp/fs.img"
loop=$(losetup -f --show "$tmp/fs.img" 2>/dev/null) || skip "no loop devices here"
cleanup_fn losetup -d "$loop"
mkdir "$tmp/mnt"
requires mount "$loop" "$tmp/mnt"
cleanup_fn umount "$tmp/mnt"
requires_stack
before=$(sha256sum <"$loop")
status=0
"$bench" blk --filename="$loop" --rw=write --size=1m >"$tmp/out" 2>"$tmp/err" || status=$?
[ $status = 1 ] || fail "status $status: $(cat "$tmp/err")"
grep -q "$loop: is mounted" "$tmp/err" || fail "$(cat "$tmp/err")"
[ "$(sha256sum <"$loop")" = "$before" ] || fail "it wrote"
assert_tidy

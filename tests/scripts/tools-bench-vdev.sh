#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-bench blk --vdev: a load that verifies, on a disk of the domain that it runs in; what is not its to say.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires_stack
truncate -s 8M "$tmp/one" "$tmp/two"
status=0
timeout -k 5 120 "$builddir/tools/sluice" exec --disk="$tmp/one" --disk="$tmp/two" -- "$bench" blk --vdev=51728 \
	--rw=randwrite --bs=8k --iodepth=8 --verify=crc32c --randseed=3 >"$tmp/out" 2>"$tmp/err" || status=$?
cat "$tmp/out" "$tmp/err"
[ $status = 0 ] || fail "it ended with status $status"
grep -q 'frontend' "$tmp/out" || fail "there is no result"
grep -qE 'hypervisor|page cache' "$tmp/out" && fail "what others do cannot be known"
# It was the second disk, and all of it is written.
cmp -s "$tmp/one" <(head -c 8M /dev/zero) || fail "another disk was written"
cmp -s "$tmp/two" <(head -c 8M /dev/zero) && fail "the disk was not written"

wrong () { ! "$bench" blk "$@" >"$tmp/out" 2>&1 || fail "$* is taken"; grep -q 'a disk that others serve' "$tmp/out" || fail "$*: $(cat "$tmp/out")"; }
wrong --vdev=51712 --filename="$tmp/one"
wrong --vdev=51712 --driver=null
! "$bench" blk --vdev=51712 >"$tmp/out" 2>&1 || fail "a disk was found outside of any domain"
grep -q 'is this a domain' "$tmp/out" || fail "the reason is not told: $(cat "$tmp/out")"

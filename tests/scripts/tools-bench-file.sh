# SPDX-License-Identifier: MIT
# The file: made when it is missing and --size is given, never changed by a reading run.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires_stack
"$bench" blk --filename="$tmp/new.img" --size=3m --rw=randread --bs=4k --iodepth=4 >"$tmp/out"
[ "$(stat -c %s "$tmp/new.img")" = 3145728 ] || fail "made with $(stat -c %s "$tmp/new.img") bytes"
[ "$(stat -c %b "$tmp/new.img")" -ge 6144 ] || fail "the file has holes"
before=$(sha256sum "$tmp/new.img")
"$bench" blk --filename="$tmp/new.img" --rw=read --bs=64k --iodepth=4 >"$tmp/out"
grep -q "3.0MiB in" "$tmp/out" || fail "not read once: $(cat "$tmp/out")"
"$bench" blk --filename="$tmp/new.img" --size=1m --rw=read --bs=64k --loops=4 >"$tmp/out"
grep -q "4.0MiB in" "$tmp/out" || fail "not read four times: $(cat "$tmp/out")"
[ "$(sha256sum "$tmp/new.img")" = "$before" ] || fail "a reading run changed the file"
# A writing run stays inside of offset and size.
cp "$tmp/new.img" "$tmp/kept.img"
"$bench" blk --filename="$tmp/new.img" --offset=1m --size=1m --rw=write --bs=64k >"$tmp/out"
cmp -s -n 1048576 "$tmp/new.img" "$tmp/kept.img" || fail "it wrote before its offset"
cmp -s -i 2097152 "$tmp/new.img" "$tmp/kept.img" || fail "it wrote behind its size"
! cmp -s "$tmp/new.img" "$tmp/kept.img" || fail "it did not write"
assert_tidy

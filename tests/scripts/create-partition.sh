# SPDX-License-Identifier: MIT
# A partition of an image as a guest's disk, by the toolstack, in a confined storage domain: the
# guest writes its partition, and nothing beside it changes.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires_stack
PATH=$PATH:/usr/sbin:/sbin
requires command -v sfdisk
requires test -x "$builddir/backends/blk/sluice-probe"
bench=$builddir/tools/sluice-bench
truncate -s 64M "$tmp/disk.img"
sfdisk -q "$tmp/disk.img" <<END
label: gpt
start=2048, size=32768, name="a:b"
start=34816, size=32768, name="other"
END
head -c 16M /dev/urandom >"$tmp/other"
dd if="$tmp/other" of="$tmp/disk.img" bs=512 seek=34816 conv=notrunc status=none
cd "$tmp"
"$bench" blk --filename=partition:disk.img:PARTLABEL=a:b --rw=randwrite --bs=4k --iodepth=8 --size=8m \
	--verify=crc32c >"$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
grep -q " 0 wrong" "$tmp/out" || fail "nothing verified: $(cat "$tmp/out")"
dd if="$tmp/disk.img" of="$tmp/after" bs=512 skip=34816 count=32768 status=none
cmp "$tmp/after" "$tmp/other" || fail "the neighbour was changed"
[ "$(dd if="$tmp/disk.img" bs=512 skip=2048 count=32768 status=none | tr -d '\0' | wc -c)" -gt 0 ] ||
	fail "nothing was written to the partition"
status=0
"$sluice" exec --disk="partition:$tmp/disk.img:5" -- true 2>"$tmp/err" || status=$?
[ $status != 0 ] || fail "a partition that is not there was attached"
grep -q "none of them is 5" "$tmp/err" || fail "it says: $(cat "$tmp/err")"
status=0
"$sluice" exec --disk="partition:$tmp/none.img:1" -- true 2>"$tmp/err" || status=$?
[ $status != 0 ] || fail "a partition of nothing was attached"
grep -q "$tmp/none.img: no such file\|No such file" "$tmp/err" || fail "it says: $(cat "$tmp/err")"

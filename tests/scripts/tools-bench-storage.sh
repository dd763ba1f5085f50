#!/bin/bash
# SPDX-License-Identifier: MIT
# The benchmark on storage that is no file: a partition and a server's export are measured,
# verified, and compared with fio's own clients; what is nobody's name is refused.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/storage-functions.sh"
requires_stack
PATH=$PATH:/usr/sbin:/sbin
requires command -v sfdisk
requires command -v fio
"$bench" compare --filename=rbd://pool/image >"$tmp/out" 2>&1 && fail "it compares with what it does not know"
grep -q "nobody to compare with" "$tmp/out" || fail "it does not say why: $(cat "$tmp/out")"

image "$tmp/part.img" 24
cp "$tmp/part.img" "$tmp/before.img"
sfdisk -q "$tmp/before.img" <<<$'label: gpt\nstart=4096, size=32768'
cp "$tmp/before.img" "$tmp/part.img"
"$bench" blk --driver=partition --filename="$tmp/part.img:1" --rw=randwrite --bs=4k --iodepth=16 --verify=crc32c \
	>"$tmp/out" 2>&1 || fail "partition: $(cat "$tmp/out")"
grep -q " 0 wrong" "$tmp/out" || fail "partition: nothing verified: $(cat "$tmp/out")"
grep -qF "disk   16.0MiB" "$tmp/out" || fail "it is not the partition: $(cat "$tmp/out")"
cmp -n $((2 << 20)) "$tmp/part.img" "$tmp/before.img" && cmp -i $((18 << 20)) "$tmp/part.img" "$tmp/before.img" ||
	fail "it wrote beside the partition"
cp "$tmp/part.img" "$tmp/before.img"
"$bench" compare --filename="partition:$tmp/part.img:1" --runtime=100ms --rounds=1 --workloads=randread-1,randwrite-32 \
	>"$tmp/out" 2>"$tmp/err" || fail "$(cat "$tmp/err")"
grep -q "left out of this build" "$tmp/err" && skip "built without jansson"
for name in sluice "fio io_uring" "fio psync"; do
	grep -q "^  $name .* kIOPS" "$tmp/out" || fail "$name was not measured: $(cat "$tmp/out" "$tmp/err")"
done
grep -q "randwrite-32 is left out" "$tmp/err" || fail "nothing is said of writes: $(cat "$tmp/err")"
cmp "$tmp/part.img" "$tmp/before.img" || fail "the partition changed"
"$bench" compare --filename="partition:$tmp/part.img:9" >"$tmp/out" 2>&1 && fail "a partition that is not there"
grep -q "partition 9" "$tmp/out" || fail "it does not name it: $(cat "$tmp/out")"

use_storage nbd
storage_requires
storage_start 16
"$bench" blk --driver=nbd --filename="$storage_uri" --rw=randwrite --bs=4k --iodepth=16 --verify=crc32c >"$tmp/out" 2>&1 ||
	fail "nbd: $(cat "$tmp/out")"
grep -q " 0 wrong" "$tmp/out" || fail "nbd: nothing verified: $(cat "$tmp/out")"
"$bench" compare --filename="$storage_uri" --size=16m --runtime=100ms --rounds=1 --workloads=randread-1 >"$tmp/out" 2>"$tmp/err" ||
	fail "$(cat "$tmp/err")"
for name in sluice "fio nbd"; do
	grep -q "^  $name .* kIOPS" "$tmp/out" || grep -q "$name is left out: this fio has no" "$tmp/err" ||
		fail "$name was not measured: $(cat "$tmp/out" "$tmp/err")"
done
storage_stop
assert_tidy 5

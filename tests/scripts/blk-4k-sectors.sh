# SPDX-License-Identifier: MIT
# A block device of 4096-byte sectors serves requests of 512 bytes, opened with O_DIRECT,
# through the whole stack, by each driver of files.
. "$(dirname "$0")/functions.sh"
requires test -x "$builddir/tools/sluice-bench"
PATH=$PATH:/usr/sbin:/sbin
requires command -v losetup
truncate -s 32M "$tmp/image"
device=$(losetup --find --show --sector-size 4096 "$tmp/image" 2>/dev/null) ||
	skip "loop devices cannot be set up here"
cleanup_fn losetup --detach "$device"
for driver in uring aio; do
	"$builddir/tools/sluice-bench" blk --filename="$device" --driver="$driver" --direct=1 \
		--rw=randwrite --bs=512 --iodepth=16 --size=1m --verify=crc32c >"$tmp/out" 2>&1 ||
		fail "$driver: $(cat "$tmp/out")"
	grep -q "O_DIRECT" "$tmp/out" || fail "$driver: not direct: $(cat "$tmp/out")"
	grep -q " 0 wrong" "$tmp/out" || fail "$driver: nothing verified: $(cat "$tmp/out")"
done

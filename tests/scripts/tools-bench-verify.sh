# SPDX-License-Identifier: MIT
# --verify=crc32c: good data pass, in every kind of run; damaged, misplaced and absent data fail.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires_stack
img=$tmp/a.img
run () { timeout 120 "$bench" blk --filename="$img" --verify=crc32c "$@" >"$tmp/out" 2>"$tmp/err"; }
good () { run "$@" || fail "$*: $(cat "$tmp/err")"; }
# bad TEXT ARG..: it fails with status 2 and says TEXT.
bad () {
	local text=$1 status=0; shift
	run "$@" || status=$?
	[ $status = 2 ] || fail "status $status from: $*: $(cat "$tmp/err")"
	grep -q -- "$text" "$tmp/err" || fail "does not say \"$text\": $(cat "$tmp/err")"
	grep -q "blocks checked, [1-9][0-9]* wrong" "$tmp/out" || fail "$(cat "$tmp/out")"
}
image "$img" 8
good --rw=randwrite --bs=4k --iodepth=32
grep -q "verify [1-9][0-9]* blocks checked, 0 wrong" "$tmp/out" || fail "$(cat "$tmp/out")"
good --rw=randrw --bs=4k --iodepth=32 --loops=3
good --rw=randwrite --bs=64k --iodepth=8 --segments=11 --loops=2
good --rw=randwrite --bs=1m --iodepth=4 --loops=2
good --rw=write --bs=512 --iodepth=16 --size=256k
good --rw=randwrite --bs=1536 --iodepth=16
good --rw=write --bs=4k --iodepth=32 --size=1m --offset=3m
good --rw=randwrite --bs=4k --iodepth=32 --runtime=300ms --time_based

# What one run wrote, another one checks.
good --rw=write --bs=16k --iodepth=8
good --rw=read --bs=16k --iodepth=8
good --rw=read --bs=16k --iodepth=8 --segments=11

cp "$img" "$tmp/kept"
# One bit, in the last unit of a block.
printf '\377' | dd of="$img" bs=1 seek=$((5 * 16384 + 16000)) conv=notrunc status=none
cmp -s "$img" "$tmp/kept" && printf '\376' | dd of="$img" bs=1 seek=$((5 * 16384 + 16000)) conv=notrunc status=none
bad "offset $((5 * 16384 + 12288)): .*damaged" --rw=read --bs=16k --iodepth=8
# A block in another one's place.
cp "$tmp/kept" "$img"
dd if="$tmp/kept" of="$img" bs=16k skip=3 seek=9 count=1 conv=notrunc status=none
bad "offset $((9 * 16384)): .*misplaced" --rw=read --bs=16k --iodepth=8
# A block that was never written.
cp "$tmp/kept" "$img"
dd if=/dev/zero of="$img" bs=16k seek=2 count=1 conv=notrunc status=none
bad "offset $((2 * 16384)): .*zeroes" --rw=read --bs=16k --iodepth=8
# Half of a block from another write.
good --rw=write --bs=16k --iodepth=8
dd if="$tmp/kept" of="$img" bs=4k skip=8 seek=8 count=2 conv=notrunc status=none
bad "offset" --rw=read --bs=16k --iodepth=8

# A disk that takes writes and keeps nothing; with one block the read comes into the very
# buffer that the write went out of.
for args in "--size=4m --rw=randwrite --iodepth=8" "--size=4k --rw=write --iodepth=1"; do
	status=0
	# shellcheck disable=SC2086
	"$bench" blk --driver=null $args --bs=4k --verify=crc32c >"$tmp/out" 2>&1 || status=$?
	[ $status = 2 ] || fail "the null disk verified: $(cat "$tmp/out")"
done
assert_tidy

# SPDX-License-Identifier: MIT
# Partitions as disks: by number, PARTUUID, labels; each guest sees its own and no more; the
# whole image and a part of it are not served at once; what names none is refused in one line.
# Needs only the store, and so serves unconfined but for the program that reads the table.
. "$(dirname "$0")/functions.sh"
PATH=$PATH:/usr/sbin:/sbin
blk=$builddir/backends/blk/sluice-blk
store=$builddir/hypervisor/store/sluice-store
requires test -x "$blk"
requires test -x "$builddir/backends/blk/sluice-probe"
requires command -v sfdisk
requires command -v mkfs.ext4
requires command -v xenstore-write
export XENSTORED_PATH=$tmp/store.sock
"$store" --socket="$XENSTORED_PATH" 2>"$tmp/store.log" &
store_pid=$!
cleanup_fn eval "kill $store_pid 2>/dev/null; wait $store_pid 2>/dev/null || :"
wait_for 10 test -S "$XENSTORED_PATH"
top=/local/domain/0/backend/vbd/7

# disk ID PARAMS [MODE]
disk () {
	xenstore-rm "$top/$1" 2>/dev/null || :
	xenstore-write "$top/$1/frontend" "/local/domain/7/device/vbd/$1" "$top/$1/frontend-id" 7 \
		"$top/$1/params" "$2" "$top/$1/mode" "${3:-w}" "$top/$1/online" 1 "$top/$1/state" 1 \
		"$top/$1/shared" "${4:-0}"
}
# refused PARAMS TEXT
refused () {
	local status=0
	disk 51900 "$1"
	timeout 60 "$blk" --backend=backend/vbd/7/51900 --confine=no 2>"$tmp/err" || status=$?
	[ $status = 2 ] || fail "$1: exit status $status, not 2: $(cat "$tmp/err")"
	[ "$(grep -c error: "$tmp/err")" = 1 ] || fail "$1: not one line: $(cat "$tmp/err")"
	grep -qF -- "$2" "$tmp/err" || fail "$1 does not say \"$2\": $(cat "$tmp/err")"
}
# serve ID PARAMS [MODE [SHARED]]: its pid is in $served
serve () {
	disk "$@"
	: >"$tmp/ready"
	"$blk" --backend="backend/vbd/7/$1" --confine=no --ready-fd=3 --log-level=info \
		3>"$tmp/ready" 2>"$tmp/err.$1" &
	served=$!
	cleanup_fn eval "kill $served 2>/dev/null; wait $served 2>/dev/null || :"
	wait_for 20 grep -q READY=1 "$tmp/ready"
}
unserve () { kill "$1"; wait "$1" || fail "ended with status $?"; }

img=$tmp/disk.img
truncate -s 64M "$img"
sfdisk -q "$img" <<END
label: gpt
start=2048, size=16384, name="first", uuid=11111111-2222-3333-4444-555555555555
start=18432, size=32768, name="second"
start=51200, size=8192, name="twin"
start=59392, size=8192, name="twin"
start=67591, size=8001, name="odd"
END
truncate -s 16M "$tmp/fs"
mkfs.ext4 -q -L flower "$tmp/fs"
dd if="$tmp/fs" of="$img" bs=512 seek=18432 conv=notrunc status=none

for which in 1 PARTUUID=11111111-2222-3333-4444-555555555555 PARTLABEL=first \
	PARTUUID=11111111-2222-3333-4444-55555555555A; do
	[ "${which: -1}" = A ] && { refused "partition:$img:$which" "none of them is"; continue; }
	serve 51712 "partition:$img:$which"
	unserve "$served"
done
serve 51712 "partition:$img:LABEL=flower"
# Its neighbour may be served meanwhile, and the whole image not; nor itself a second time.
first=$served
serve 51728 "partition:$img:1"
second=$served
refused "$img" "locked"
refused "partition:$img:2" "locked"
refused "partition:$img:LABEL=flower" "locked"
unserve "$first"
unserve "$second"
serve 51712 "$img"
refused "partition:$img:2" "locked"
unserve "$served"
# Readers share; a writer does not join them. Who says that it is shared may.
serve 51712 "partition:$img:2" r
first=$served
serve 51728 "$img" r
second=$served
refused "partition:$img:2" "locked"
serve 51744 "partition:$img:2" w 1
grep -q "is shared" "$tmp/err.51744" || fail "nothing is said of a shared disk"
unserve "$served"
unserve "$first"
unserve "$second"

refused "partition:$img:PARTLABEL=twin" "several partitions"
refused "partition:$img:7" "none of them is 7"
refused "partition:$img:0" "write a number from 1"
refused "partition:$img:x" "write a number from 1"
refused "partition:$img:LABEL=weed" "none of them is"
refused "partition:$tmp/none:1" "its partitions cannot be read"
refused "partition:$tmp/fs:1" "no partition table"
head -c 1M /dev/urandom >"$tmp/noise"
refused "partition:$tmp/noise:1" "no partition table"

# MBR with logical partitions; the extended one holds no data.
truncate -s 64M "$tmp/mbr"
sfdisk -q "$tmp/mbr" <<END
label: dos
start=2048, size=16384, type=83
start=18432, size=65536, type=5
start=20480, size=16384, type=83
END
serve 51712 "partition:$tmp/mbr:5"
unserve "$served"
refused "partition:$tmp/mbr:2" "holds other partitions"

# A GPT whose first header is damaged has a second one at its end; that one, too, has a checksum.
cp "$img" "$tmp/damaged"
printf X | dd of="$tmp/damaged" bs=1 seek=$((512 + 56)) conv=notrunc status=none
serve 51712 "partition:$tmp/damaged:PARTLABEL=second"
unserve "$served"
printf X | dd of="$tmp/damaged" bs=1 seek=$(((64 << 20) - 512 + 56)) conv=notrunc status=none
refused "partition:$tmp/damaged:PARTLABEL=second" "none of them is PARTLABEL=second"
refused "partition:$tmp/damaged:1" "none of them is 1"
refused "partition:partition:$img:2:1" "a partition of a partition is not known here"
refused "partition:null://:1" "is no storage that is known"

# A table that tells of more than there is.
truncate -s 5M "$tmp/mbr"
refused "partition:$tmp/mbr:1" "beyond its end"
echo "partitions are served and kept apart"

# SPDX-License-Identifier: MIT
# Partitions as disks: by number, PARTUUID, labels; each guest sees its own and no more; the
# whole image and a part of it are not served at once; what names none is refused in one line.
# Needs only the store, and so serves unconfined but for the program that reads the table.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/disk-functions.sh"
PATH=$PATH:/usr/sbin:/sbin
requires test -x "$builddir/backends/blk/sluice-probe"
requires command -v sfdisk
requires command -v mkfs.ext4
begin_store
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
	[ "${which: -1}" = A ] && { refused "none of them is" "partition:$img:$which"; continue; }
	serve 51712 "partition:$img:$which"
	unserve "$served"
done
serve 51712 "partition:$img:LABEL=flower"
# Its neighbour may be served meanwhile, and the whole image not; nor itself a second time.
first=$served
serve 51728 "partition:$img:1"
second=$served
refused "locked" "$img"
refused "locked" "partition:$img:2"
refused "locked" "partition:$img:LABEL=flower"
unserve "$first"
unserve "$second"
serve 51712 "$img"
refused "locked" "partition:$img:2"
unserve "$served"
# Readers share; a writer does not join them. Who says that it is shared may.
serve 51712 "partition:$img:2" r
first=$served
serve 51728 "$img" r
second=$served
refused "locked" "partition:$img:2"
serve 51744 "partition:$img:2" w 1
grep -q "is shared" "$tmp/err.51744" || fail "nothing is said of a shared disk"
unserve "$served"
unserve "$first"
unserve "$second"

refused "several partitions" "partition:$img:PARTLABEL=twin"
refused "none of them is 7" "partition:$img:7"
refused "write a number from 1" "partition:$img:0"
refused "write a number from 1" "partition:$img:x"
refused "none of them is" "partition:$img:LABEL=weed"
refused "its partitions cannot be read" "partition:$tmp/none:1"
refused "no partition table" "partition:$tmp/fs:1"
head -c 1M /dev/urandom >"$tmp/noise"
refused "no partition table" "partition:$tmp/noise:1"

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
refused "holds other partitions" "partition:$tmp/mbr:2"

# A GPT whose first header is damaged has a second one at its end; that one, too, has a checksum.
cp "$img" "$tmp/damaged"
printf X | dd of="$tmp/damaged" bs=1 seek=$((512 + 56)) conv=notrunc status=none
serve 51712 "partition:$tmp/damaged:PARTLABEL=second"
unserve "$served"
printf X | dd of="$tmp/damaged" bs=1 seek=$(((64 << 20) - 512 + 56)) conv=notrunc status=none
refused "none of them is PARTLABEL=second" "partition:$tmp/damaged:PARTLABEL=second"
refused "none of them is 1" "partition:$tmp/damaged:1"
refused "a partition of a partition is not known here" "partition:partition:$img:2:1"
refused "is no storage that is known" "partition:null://:1"

# A table that tells of more than there is.
truncate -s 5M "$tmp/mbr"
refused "beyond its end" "partition:$tmp/mbr:1"
echo "partitions are served and kept apart"

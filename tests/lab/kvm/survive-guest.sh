# SPDX-License-Identifier: MIT
# The guest of survive-host.sh: on ext4 it writes files, reads them back from the disk, removes them
# and discards their room, on both disks, until it is told to stop. Its kernel must not see a thing.
wait_for 30 test -b /dev/xvdb || fail "the second disk is missing"
mount -t ext4 /dev/xvdb /mnt || fail "it cannot be mounted"
for n in 1 2 3 4; do head -c $((n * 150000)) /dev/urandom >"/tmp/pattern-$n"; done
mkdir -p /mnt/work /var/work
(read -r _order </dev/hvc0; : >/tmp/stop) &
# check FILE: what the disk has, not what memory still knows of it.
check () {
	cmp "/tmp/pattern-$1" "$2" || fail "$2: something else was read"
}
# Besides, so that something is in flight at any moment: written and read past the page cache.
head -c 524288 /dev/urandom >/tmp/pattern-load
load () {
	while [ ! -e /tmp/stop ]; do
		dd if=/tmp/pattern-load of="/mnt/load-$1" bs=64k oflag=direct conv=notrunc 2>/dev/null || fail "load $1: not written"
		dd if="/mnt/load-$1" of="/tmp/back-$1" bs=64k iflag=direct 2>/dev/null || fail "load $1: not read"
		cmp /tmp/pattern-load "/tmp/back-$1" || fail "load $1: something else was read"
	done
	: >"/tmp/well-$1"
}
for n in 1 2 3; do load $n & done
beat=0
while [ ! -e /tmp/stop ]; do
	n=$((beat % 4 + 1))
	for place in /mnt/work /var/work; do
		cp /tmp/pattern-$n $place/$n || fail "beat $beat: not written"
		(cd $place && sha256sum $n >$n.sum) || fail "beat $beat: no sum"
	done
	sync || fail "beat $beat: not flushed"
	echo 3 >/proc/sys/vm/drop_caches
	for place in /mnt/work /var/work; do
		check $n $place/$n
		for sum in $place/*.sum; do (cd $place && sha256sum -c "$sum") >/dev/null || fail "beat $beat: $sum"; done
	done
	if [ $((beat % 5)) = 4 ]; then
		rm -f /mnt/work/[12]*
		fstrim /mnt || fail "beat $beat: cannot discard"
	fi
	beat=$((beat + 1))
	say "beat $beat"
done
wait_for 60 test -e /tmp/well-1 -a -e /tmp/well-2 -a -e /tmp/well-3 || fail "the load did not end well"
sync
umount /mnt || fail "it cannot be unmounted"
dmesg >/tmp/dmesg
! grep -E 'I/O error|blk_update_request|EXT4-fs (error|warning)|Remounting|xvd[ab]: .*(error|barrier)|hung_task|blocked for more' /tmp/dmesg ||
	fail "the kernel saw errors"
# It went on with the connections that it had.
[ "$(grep -c 'blkfront: xvd[ab]' /tmp/dmesg)" = 2 ] || fail "it connected again: $(grep blkfront /tmp/dmesg)"
say "all of $beat were right"

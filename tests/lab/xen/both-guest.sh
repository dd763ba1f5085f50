# SPDX-License-Identifier: MIT
# A stock guest of both-dom0.sh: verifies what its two disks and its interface carry until it is told to stop, and
# reboots; the second time it finds what it wrote.
load xen-blkfront xen-netfront crc32c_generic ext4
sum () { md5sum | cut -d ' ' -f 1; }
wait_for 60 test -b /dev/xvda -a -b /dev/xvdb -a -e /sys/class/net/eth0 || { dmesg | tail -n 20; fail "a device is missing"; }
dmesg | grep 'blkfront: xvd'
ip addr add 192.0.2.11/24 dev eth0
ip link set eth0 up
wait_for 60 ping -c 1 -W 2 192.0.2.1 || fail "no answer on eth0"
mkdir -p /mnt
mount -t ext4 /dev/xvda /mnt
(cd /mnt && md5sum -c manifest >/tmp/files) || fail "files differ"
say "$(grep -c ': OK$' /tmp/files) files are right"
fetch () { wget -q -O - http://192.0.2.1/file | sum; }

# disk DEVICE OFFSET: 1 MiB there, each time another, written with many requests in flight and read back from the disk
disk () {
	n=0
	until [ -e /tmp/stop ]; do
		{ echo "round $n of $1"; head -c 1000000 /tmp/random; } >"/tmp/wrote-$3"
		dd if="/tmp/wrote-$3" of="$1" bs=64k seek="$2" conv=notrunc,fsync 2>/dev/null || fail "$1 cannot be written"
		echo 3 >/proc/sys/vm/drop_caches
		dd if="$1" bs=64k skip="$2" count=16 2>/dev/null | head -c "$(stat -c %s "/tmp/wrote-$3")" | cmp - "/tmp/wrote-$3" ||
			fail "round $n: $1 has something else"
		n=$((n + 1))
	done
	say "$n rounds of $1"
	: >"/tmp/well-$3"
}
first () {
	head -c 1000000 /dev/urandom >/tmp/random
	head -c 3000000 /dev/urandom >/mnt/kept
	sum </mnt/kept >/mnt/kept.sum
	sync
	dd if=/dev/zero of=/mnt/load bs=64k count=16 2>/dev/null
	want=$(fetch)
	disk /dev/xvdb 0 b &
	disk /mnt/load 0 a &
	say "verifying"
	fetched=0
	until xenstore-exists data/stop; do
		[ "$(fetch)" = "$want" ] || fail "fetch $fetched differs"
		fetched=$((fetched + 1))
	done
	: >/tmp/stop
	wait_for 120 test -e /tmp/well-a -a -e /tmp/well-b || fail "the load did not end well"
	umount /mnt
	dmesg | grep -iE 'I/O error|blk_update_request|EXT4-fs (error|warning)|xen_netfront.*(broken|bogus)|BUG:' && fail "the kernel complains"
	[ "$(dmesg | grep -c 'blkfront: xvd')" = 2 ] || fail "the disks connected anew"
	echo "SUM fetched $want"
	say "all rounds were right, $fetched fetches"
	reboot -f
	sleep 60
}
second () {
	[ "$(sum </mnt/kept)" = "$(cat /mnt/kept.sum)" ] || fail "what was written before the reboot is lost"
	echo "SUM again $(fetch)"
	umount /mnt
	say "the second start is content"
}
if [ -e /mnt/kept.sum ]; then second; else first; fi

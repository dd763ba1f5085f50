# SPDX-License-Identifier: MIT
modprobe xen-blkfront
no_disk () { ! test -b "/dev/$1"; }

hotplug () {
	say "waiting for a disk"
	for round in 1 2 3; do
		wait_for 120 test -b /dev/xvdb || fail "no disk in round $round"
		echo "SUM $round $(md5sum </dev/xvdb | cut -d ' ' -f 1)"
		[ "$(cat /sys/block/xvdb/ro)" = 1 ] || fail "the disk is not read-only"
		say "read-only disk $round is read"
		wait_for 120 no_disk xvdb || fail "the disk stays after its detachment"
		say "read-only disk $round is gone"
	done
}

write () {
	wait_for 120 test -b /dev/xvdb || fail "no disk of kind vbd"
	wait_for 120 test -b /dev/xvdc || fail "no disk of kind qdisk"
	dmesg | grep 'blkfront: xvd'
	dd if=/dev/zero of=/dev/xvdc bs=64k count=16 oflag=direct 2>/dev/null || fail "a write failed"
	say "writing without end"
	while dd if=/dev/xvdb of=/dev/null bs=64k iflag=direct 2>/dev/null; do :; done &
	while dd if=/dev/zero of=/dev/xvdc bs=64k count=64 oflag=direct 2>/dev/null; do :; done
	fail "a write failed"
}
"$(arg mode)"

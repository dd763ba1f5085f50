# SPDX-License-Identifier: MIT
# Stock guests of targets-dom0.sh.
for m in xen-blkfront crc32c_generic ext4; do modprobe $m; done
sum () { md5sum <"$1" | cut -d ' ' -f 1; }
# write DEVICE OFFSET COUNT: MiB, read again from the disk
write () {
	dd if=/dev/urandom of=/tmp/new bs=1M count="$3" 2>/dev/null
	dd if=/tmp/new of="$1" bs=1M seek="$2" conv=notrunc,fsync 2>/dev/null || fail "$1 cannot be written"
	echo 3 >/proc/sys/vm/drop_caches
	dd if="$1" bs=1M skip="$2" count="$3" 2>/dev/null | cmp - /tmp/new || fail "$1 has something else"
}
# has DEVICE SECTORS
has () { [ "$(cat "/sys/block/$1/size")" = "$2" ]; }
complaints () { dmesg | grep -iE 'xvd.*error|I/O error|blkfront:.*(unmapped|disabled due|bogus)' && fail "the kernel complains"; :; }

whole () {
	for d in a b c d e; do wait_for 60 test -b /dev/xvd$d || { dmesg | tail -n 20; fail "no disk xvd$d"; }; done
	for d in a c d; do echo "SUM before-$d $(sum /dev/xvd$d)"; done
	[ "$(cat /sys/block/xvdd/ro)" = 1 ] || fail "xvdd is not read-only"
	mkdir -p /mnt
	mount -t ext4 /dev/xvda /mnt
	(cd /mnt && md5sum -c manifest >/tmp/files) || { grep -v ': OK$' /tmp/files; fail "files differ"; }
	say "$(grep -c ': OK$' /tmp/files) files are right"
	cp /tmp/files /mnt/new
	umount /mnt
	has xvdb 16384 || fail "xvdb has $(cat /sys/block/xvdb/size) sectors"
	has xvde 16384 || fail "xvde has $(cat /sys/block/xvde/size) sectors"
	write /dev/xvdb 0 8
	write /dev/xvdc 3 4
	write /dev/xvde 0 8
	say "the volume may grow"
	wait_for 60 has xvdb 24576 || fail "xvdb does not grow: $(cat /sys/block/xvdb/size) sectors"
	write /dev/xvdb 8 4
	for d in a b c e; do echo "SUM after-$d $(sum /dev/xvd$d)"; done
	complaints
	say "the guest is content"
}

hot () {
	say "waiting for disks"
	for d in b:system c:whole d:first e:parts f:path g:scripted h:grows; do
		dev=/dev/xvd${d%:*} name=${d#*:}
		wait_for 120 test -b $dev || fail "no disk $name"
		echo "SUM hot-$name $(sum $dev)"
		say "disk $name is read"
		[ $name != grows ] || grows
		wait_for 120 no_disk $dev || fail "disk $name stays"
		say "disk $name is gone"
	done
	complaints
	wait_for 120 xenstore-exists data/stop
}
no_disk () { ! test -b "$1"; }
grows () {
	writes=0
	until has xvdh 32768; do
		write /dev/xvdh $((writes % 8)) 1
		writes=$((writes + 1))
		[ $writes -lt 500 ] || fail "xvdh does not grow"
	done
	write /dev/xvdh 12 4
	echo "SUM grown $(sum /dev/xvdh)"
	say "it has grown under load, $writes writes"
}
"$(arg mode)"

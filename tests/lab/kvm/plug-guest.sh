# SPDX-License-Identifier: MIT
# The guest of plug-host.sh: does what it is told on its console with a disk that comes and goes.
mkdir -p /sbin
printf '#!/bin/sh\nexec /bin/busybox poweroff -f\n' >/sbin/poweroff
chmod +x /sbin/poweroff
is_gone () { [ ! -e /sys/block/xvdb ]; }
use () {
	wait_for 30 test -b /dev/xvdb || fail "no disk has come"
	mount -t ext4 /dev/xvdb /mnt || fail "it cannot be mounted"
}
say "ready for disks"
while read -r order; do
	case $order in
	mount)
		use
		say "mounted: $(cat /mnt/old)"
		echo "written by the guest" >/mnt/new
		umount /mnt
		say "unmounted"
		;;
	gone)
		wait_for 30 is_gone || fail "the disk does not go"
		say "the disk is gone"
		;;
	again)
		use
		say "again: $(cat /mnt/new)"
		umount /mnt
		;;
	esac
done </dev/hvc0

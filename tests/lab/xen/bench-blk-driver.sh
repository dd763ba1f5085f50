# SPDX-License-Identifier: MIT
# One file for three backends: the kernel's xen-blkback on a loop device, QEMU's qdisk, and sluice-blk as sluice-driverd
# starts it. xen-blkback is given its device by hand, or it would take sluice-blk's.
. /lab/bench.conf
mount_data
load loop
echo 0 >/sys/bus/xen-backend/drivers_autoprobe
modprobe xen-blkback
losetup /dev/loop0 /data/disk.img
# What is written stays in the page cache: the disk below is not what is measured.
echo 90 >/proc/sys/vm/dirty_ratio
echo 80 >/proc/sys/vm/dirty_background_ratio
echo 0 >/proc/sys/vm/dirty_writeback_centisecs
say "storage is ready"
for leaf in vbd/2/51712 vbd/2/51744 qdisk/2/51728; do
	wait_for 90 xenstore-exists backend/$leaf/state || fail "$leaf did not appear"
done
xenstore-write backend/vbd/2/51712/physical-device 7:0 backend/vbd/2/51712/hotplug-status connected
echo vbd-2-51712 >/sys/bus/xen-backend/drivers/vbd/bind
xenstore-write backend/vbd/2/51744/buffered 1
/sluice/backends/blk/sluice-blk --backend=backend/vbd/2/51744 --journal=/run/journal --metrics=/run/metrics \
	--log-level=info $blk &
sluice=$!
/usr/libexec/xen-qemu-system-i386 -xen-domid 2 -xen-attach -name guest -nographic -M xenpv -monitor /dev/null \
	-serial /dev/null -parallel /dev/null &
qemu=$!
until xenstore-exists data/stop; do
	! ordered settle || { sync; say "settled"; }
	sleep 1
done
wait $sluice || fail "sluice-blk ended with status $?"
say "sluice-blk ended"
kill $qemu
losetup -d /dev/loop0
umount /data

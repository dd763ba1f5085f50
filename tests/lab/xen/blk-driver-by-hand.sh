# SPDX-License-Identifier: MIT
# A driver domain in which somebody starts sluice-blk by hand, once the toolstack made the device.
leaf=backend/vbd/2/51712

mount_data
[ ! -e /sys/bus/xen-backend/drivers/vbd ] || fail "the kernel's xen-blkback is loaded and would take the device"
say "storage is ready"
wait_for 90 xenstore-exists $leaf/state || fail "no device appeared"
status=0
/sluice/backends/blk/sluice-blk --backend=$leaf --log-level=info || status=$?
say "sluice-blk ended with status $status"
# xl leaves a driver domain's leaf to the domain: who starts a backend by hand removes it by hand.
sleep 1
xenstore-rm $leaf
umount /data
[ $status = 0 ]

# SPDX-License-Identifier: MIT
# A driver domain that runs sluice-driverd in place of xl devd.
mount_data
[ ! -e /sys/bus/xen-backend/drivers/vbd ] || fail "the kernel's xen-blkback is loaded and would take the device"
# A disk's own script, as administrators write them: what it is told of is found elsewhere.
mkdir -p /etc/xen/scripts
cat >/etc/xen/scripts/block-lab <<-'EOT'
	#!/bin/sh
	echo "block-lab $1 $XENBUS_PATH $(xenstore-read "$XENBUS_PATH/params")"
	[ "$1" = add ] || exit 0
	xenstore-write "$XENBUS_PATH/physical-device-path" "/data/$(xenstore-read "$XENBUS_PATH/params").img" &&
		xenstore-write "$XENBUS_PATH/hotplug-status" connected
EOT
chmod 755 /etc/xen/scripts/block-lab
daemon_start
say "storage is ready"
wait_for 600 xenstore-exists data/stop || fail "nobody said stop"
daemon_end
umount /data

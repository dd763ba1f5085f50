# SPDX-License-Identifier: MIT
# A driver domain whose first PV disk is another guest's disk.
load xen-blkfront xen-evtchn xen-gntdev xen-gntalloc xenfs
mkdir -p /proc/xen /run/xen /sys/fs/cgroup
mount -t xenfs xenfs /proc/xen
wait_for 20 test -b /dev/xvda || fail "the domain's own disk did not appear"

# kernel_backends: what udev and a hotplug script do for xen-blkback
kernel_backends () {
	load xen-blkback
	say "storage is ready"
	while :; do
		for leaf in $(xenstore-list backend/vbd 2>/dev/null | while read -r d; do xenstore-list "backend/vbd/$d" | sed "s|^|backend/vbd/$d/|"; done); do
			[ -e "/run/$(echo "$leaf" | tr / -)" ] && continue
			params=$(xenstore-read "$leaf/params") || continue
			xenstore-write "$leaf/physical-device" "$(stat -L -c %t:%T "$params")" "$leaf/hotplug-status" connected
			: >"/run/$(echo "$leaf" | tr / -)"
			say "xen-blkback serves $params"
		done
		sleep 1
	done
}

case $(arg backend) in
kernel) kernel_backends ;;
sluice)
	[ ! -e /sys/bus/xen-backend/drivers/vbd ] || fail "the kernel's xen-blkback is loaded and would take the device"
	mount -t cgroup2 cgroup /sys/fs/cgroup
	say "storage is ready"
	sluice-driverd --foreground --log-level=info
	;;
esac

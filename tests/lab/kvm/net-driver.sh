# SPDX-License-Identifier: MIT
# A vm driver domain of networks: a stock Linux with a bridge, on which its own interface is the way out, and sluice-driverd.
load xen-netfront xen-evtchn xen-gntdev xen-gntalloc xenfs tun bridge
mkdir -p /proc/xen /run/xen /sys/fs/cgroup
mount -t xenfs xenfs /proc/xen
mount -t cgroup2 cgroup /sys/fs/cgroup
[ ! -e /sys/bus/xen-backend/drivers/vif ] || fail "the kernel's xen-netback is loaded and would take the device"
wait_for 30 test -e /sys/class/net/eth0 || fail "the domain's own interface has not come"
/usr/sbin/ip link add xenbr0 type bridge
/usr/sbin/ip link set eth0 mtu 9000 master xenbr0 up
/usr/sbin/ip link set xenbr0 up
sluice-driverd --foreground --log-level=info &
say "network is ready"
while read -r order; do
	[ "$order" = kill ] || continue
	old=$(pidof sluice-net)
	kill -9 $old
	say "killed $old"
done </dev/hvc0

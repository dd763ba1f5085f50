# SPDX-License-Identifier: MIT
# Two interfaces of a guest, one the kernel's xen-netback's and one that of sluice-net as sluice-driverd starts it, each a
# network of its own that ends here. xen-netback is given its device by hand, or it would take sluice-net's.
. /lab/bench.conf
load tun
echo 0 >/sys/bus/xen-backend/drivers_autoprobe
modprobe xen-netback
say "network is ready"
for leaf in vif/2/0 vif/2/1; do
	wait_for 90 xenstore-exists backend/$leaf/state || fail "$leaf did not appear"
done
echo vif-2-0 >/sys/bus/xen-backend/drivers/vif/bind
/sluice/backends/net/sluice-net --backend=backend/vif/2/1 --journal=/run/journal --metrics=/run/metrics \
	--log-level=info $net &
sluice=$!
# up NUMBER ADDRESS: what xl's scripts do, but for the bridge
up () {
	wait_for 60 test -e "/sys/class/net/vif2.$1" || fail "vif2.$1 did not appear"
	ip addr add "$2/24" dev "vif2.$1"
	ip link set "vif2.$1" up
	xenstore-write "backend/vif/2/$1/hotplug-status" connected
}
up 0 192.0.2.1
up 1 198.51.100.1
iperf3 -s >/run/iperf3 2>&1 &
tcp=$!
/bench-echo serve 5007 &
udp=$!
wait_for 240 ordered check || fail "the guest did not come"
# Each has its own network, and is what is measured.
for leaf in 0:192.0.2.2 1:198.51.100.2; do
	ip neigh show dev "vif2.${leaf%%:*}" | grep -q "^${leaf#*:} " || fail "vif2.${leaf%%:*} has no guest"
done
[ -e /sys/class/net/vif2.0/device/driver ] && [ -e /sys/class/net/vif2.1/tun_flags ] ||
	fail "an interface is not of the backend that is measured"
say "both are served"
until xenstore-exists data/stop; do sleep 1; done
wait $sluice || fail "sluice-net ended with status $?"
say "sluice-net ended"
kill $tcp $udp

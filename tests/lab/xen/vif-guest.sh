# SPDX-License-Identifier: MIT
# A stock guest of vif-dom0.sh. mode=work: uses its interface, and one that comes and goes; mode=load: sends without end.
modprobe xen-netfront
# up NAME NUMBER: it has come, with addresses ..NUMBER
up () {
	wait_for 60 test -e "/sys/class/net/$1" || { dmesg | tail -n 20; fail "$1 has not come"; }
	echo 0 >"/proc/sys/net/ipv6/conf/$1/accept_dad"
	ip addr add "192.0.2.$2/24" dev "$1"
	ip addr add "fd00::$2/64" dev "$1"
	ip link set "$1" up
	wait_for 60 ping -c 1 -W 2 192.0.2.1 || { dmesg | tail -n 20; fail "no answer on $1"; }
}
fetch () { echo "SUM $1 $(wget -q -O - http://192.0.2.1/file | md5sum | cut -d ' ' -f 1)"; }
no_eth1 () { [ ! -e /sys/class/net/eth1 ]; }

work () {
	up eth0 11
	ping -c 3 192.0.2.1 || fail "no ping"
	ping -c 3 fd00::1 || fail "no ping of IPv6"
	for way in "192.0.2.1" "192.0.2.1 -R" "fd00::1" "fd00::1 -R"; do
		iperf3 -c $way -n 8M -f m | grep receiver || fail "iperf3 -c $way"
	done
	fetch one
	head -c 4194304 /dev/urandom >/tmp/new
	nc 192.0.2.1 5001 </tmp/new || fail "nothing can be sent"
	echo "SUM sent $(md5sum </tmp/new | cut -d ' ' -f 1)"
	say "the interface works"
	nc 192.0.2.1 5002 </dev/zero >/dev/null &
	load=$!
	say "sending"
	wait_for 120 test -e /sys/class/net/eth1 || fail "no second interface"
	# Its backend was killed meanwhile.
	before=$(cat /sys/class/net/eth0/statistics/tx_bytes)
	sleep 3
	[ $(($(cat /sys/class/net/eth0/statistics/tx_bytes) - before)) -gt 1000000 ] || fail "the connection is dead"
	kill $load
	say "the connection lived on"
	ip addr flush dev eth0
	ip link set eth0 down
	up eth1 12
	fetch two
	say "the second interface works"
	wait_for 120 no_eth1 || fail "the second interface stays"
	up eth0 11
	fetch three
	dmesg | grep -iE 'xen_netfront.*(broken|bogus|Invalid)|vif.*error|BUG:|WARNING: CPU' && fail "the kernel complains"
	say "the guest is content"
}
load () {
	up eth0 13
	say "sending without end"
	nc 192.0.2.1 5003 </dev/zero
	fail "the connection broke"
}
"$(arg mode)"

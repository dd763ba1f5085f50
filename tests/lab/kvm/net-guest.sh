# SPDX-License-Identifier: MIT
# A guest with an interface, for net-host.sh: does what it is told on its console. net=NUMBER: of its addresses
load xen-netfront
wait_for 30 test -e /sys/class/net/eth0 || { dmesg | tail -n 30; fail "no interface has come"; }
# Addresses can be used at once.
echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
ip link set eth0 mtu 9000
ip addr add "192.0.2.$(arg net)/24" dev eth0
ip addr add "fd00::$(arg net)/64" dev eth0
ip link set eth0 up
fragments () { awk '$1 == "Ip:" && $20 != "FragCreates" { print $20 } $1 == "Ip6FragCreates" { print $2 }' /proc/net/snmp /proc/net/snmp6 | tr '\n' ' '; }
# jumbo TO: whole packets of 9000 bytes go there and back
jumbo () {
	_before=$(fragments)
	ping -c 2 -s 8952 "$1" || return
	[ -n "$_before" ] && [ "$(fragments)" = "$_before" ]
}
complaints () { ! dmesg | grep -iE 'xen_netfront.*(broken|bogus|invalid)|vif.*(error|fail)|BUG:|WARNING: CPU'; }
# As in net-lib.sh.
mkfifo /run/silence
exec 9<>/run/silence
# reach TO PORT: as soon as somebody listens there
reach () {
	for _try in 1 2 3 4 5 6 7 8 9; do
		nc "$@" && return
		sleep 1
	done
	return 1
}
say "ready for orders"
orders=0
while read -r order; do
	orders=$((orders + 1)) status=0
	(eval "$order") </dev/null || status=$?
	say "order $orders ended with $status"
done </dev/hvc0

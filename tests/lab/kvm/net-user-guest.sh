# SPDX-License-Identifier: MIT
# The guest of net-user-host.sh: does what it is told on its console.
load xen-netfront
cat >/tmp/dhcp <<'EOT'
#!/bin/sh
[ "$1" != bound ] || {
	ip addr add "$ip/$mask" dev "$interface"
	ip route add default via "$router"
	echo "$ip $router" >/tmp/bound
}
EOT
chmod +x /tmp/dhcp
is_gone () { [ ! -e /sys/class/net/eth0 ]; }
has_come () { [ -e /sys/class/net/eth0 ]; }
obey () {
	case $1 in
	address)
		wait_for 60 has_come || return
		rm -f /tmp/bound
		ip link set eth0 up
		udhcpc -n -q -t 20 -T 2 -i eth0 -s /tmp/dhcp || return
		[ "$(cat /tmp/bound)" = "10.0.2.15 10.0.2.2" ]
		;;
	out)
		rm -f /tmp/file
		timeout 60 wget -q -O /tmp/file http://198.51.100.1:8080/file || return
		[ "$(sum /tmp/file)" = "$(arg sum)" ]
		;;
	serve)
		mkdir -p /www
		echo "it is the guest" >/www/who
		httpd -p 80 -h /www
		;;
	gone) wait_for 30 is_gone ;;
	*) false ;;
	esac
}
say "ready for orders"
n=0
while read -r order; do
	n=$((n + 1)) status=0
	obey "$order" </dev/null || status=$?
	say "order $n ended with $status"
done </dev/hvc0

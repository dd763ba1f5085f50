# SPDX-License-Identifier: MIT
# Puts loads on its interfaces as dom0 orders them.
. /lab/bench-guest.sh
load xen-netfront
up () {
	wait_for 60 test -e "/sys/class/net/$1" || { dmesg | tail -n 20; fail "$1 has not come"; }
	ip addr add "$2.2/24" dev "$1"
	ip link set "$1" up
	wait_for 60 ping -c 1 -W 2 "$2.1" || { dmesg | tail -n 20; fail "no answer on $1"; }
}
up eth0 192.0.2
up eth1 198.51.100
say "all interfaces work"
# tcp ADDRESS OPTION..: what the receiver got, as iperf3 says last; counted in pieces of 64 KiB
tcp () {
	iperf3 -J -c "$@" >/tmp/json || { cat /tmp/json; return 1; }
	awk '
		{ value = $NF; sub(/,$/, "", value) }
		/"sum_received"/ { inside = 1 }
		inside && /"seconds":/ { seconds = value }
		inside && /"bytes":/ { bytes = value }
		/"cpu_utilization_percent"/ { exit }
		END { printf "%d %d %d\n", seconds * 1e6, bytes, bytes / 65536 }' /tmp/json
}
# udp ADDRESS SIZE SENT ANSWERED DEPTH COUNT: datagrams are those of the way that has more, and round trips where both have as many
udp () {
	us=$(/bench-echo "$1" 5007 "$2" "$3" "$4" "$5" "$6") || { echo "bench-echo failed"; return 1; }
	n=$(($6 * ($3 > $4 ? $3 : $4)))
	echo "$us $((n * $2)) $n"
}
# do_work ADDRESS tcp|udp ARGUMENT..: microseconds, bytes, how many
do_work () { address=$1 kind=$2; shift 2; $kind "$address" "$@"; }
serve_orders

#!/bin/bash
# SPDX-License-Identifier: MIT
# Each way in which a macvtap cannot be made is told with the name and the remedy.
. "$(dirname "$0")/net-port-functions.sh"
macvtaps_alone
make_bridge br0 01
ip link add mv0 type veth peer name mv1
ip link add mv2 type veth peer name mv3
ip link set mv2 master br0
ip link add link mv0 name probe type macvtap mode bridge || skip "the kernel has no macvtap"
ip link del probe

: >"$tmp/none"
# refused TEXT OPTIONS [COMMAND..]: it is not opened, and the line says TEXT
refused () {
	local text=$1 options=$2; shift 2
	if "$@" "$cable" "macvtap,$options" null <"$tmp/none" >"$tmp/out" 2>"$tmp/err"; then
		fail "macvtap,$options: was opened"
	fi
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "macvtap,$options: not one line: $(cat "$tmp/err")"
	grep -q -- "$text" "$tmp/err" || fail "macvtap,$options: the line does not say \"$text\": $(cat "$tmp/err")"
}
refused 'none is named: set device' name=vif1.0
refused 'no interface eth7' name=vif1.0,device=eth7
refused 'at most 15 bytes' name=vif1.0-is-too-long,device=mv0
refused 'in use by another interface' name=mv1,device=mv0
refused 'in use by a bridge' name=vif1.0,device=mv2
refused '1 to 8 queues, not 9' name=vif1.0,device=mv0,queues=9
refused 'MTU not above' name=vif1.0,device=mv0,mtu=9000
refused 'set mac' name=vif1.0,device=mv0,mac=00:00:00:00:00:00
refused 'CAP_NET_ADMIN.*"user"' name=vif1.0,device=mv0 setpriv --bounding-set=-net_admin
# Its address is another's.
ip link set mv0 up
ip link add link mv0 name other address 02:00:00:00:00:01 type macvtap mode bridge
ip link set other up
refused 'address is in use on the device' name=vif1.0,device=mv0
ip link del other
# One of ours by name, but not by its mark.
ip link add link mv0 name vif1.0 type macvtap mode bridge
refused 'in use by another interface' name=vif1.0,device=mv0
ip link del vif1.0
# A /dev without the device, where none can be made either.
mount -t tmpfs none /dev
mount -t sysfs none /sys
refused 'in a container pass it in' name=vif1.0,device=mv0 setpriv --bounding-set=-mknod
[ -z "$(ip -br link show type macvtap)" ] || fail "one that was refused is there: $(ip -br link show type macvtap)"

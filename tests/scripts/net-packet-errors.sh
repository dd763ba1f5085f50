#!/bin/bash
# SPDX-License-Identifier: MIT
# Each way in which a packet port cannot be opened is told with the name and the remedy.
. "$(dirname "$0")/net-port-functions.sh"
ip link add pk0 type veth peer name pk1

# refused TEXT OPTIONS [COMMAND..]: it is not opened, and the line says TEXT
refused () {
	local text=$1 options=$2; shift 2
	if "$@" "$cable" "packet,$options" null </dev/null >"$tmp/out" 2>"$tmp/err"; then
		fail "packet,$options: was opened"
	fi
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "packet,$options: not one line: $(cat "$tmp/err")"
	grep -q -- "$text" "$tmp/err" || fail "packet,$options: the line does not say \"$text\": $(cat "$tmp/err")"
}
refused 'set device to its name' queues=1
refused 'set device to its name' device=a-name-that-is-too-long
refused 'eth7.*name another device' device=eth7
refused '1 to 8 queues, not 9' device=pk0,queues=9
refused 'does not take this MTU' device=pk0,mtu=67
refused 'pk0.*ip link set up' device=pk0 setpriv --bounding-set=-net_admin
ip link set pk0 up
refused 'CAP_NET_RAW.*"user"' device=pk0 setpriv --bounding-set=-net_raw

# One that is removed while it is in use ends its port, and nothing else.
ip link set pk1 up
start_cable packet,device=pk0 null,device=echo
ip link del pk0
kill -0 "$cable_pid" || fail "an interface that is gone ends the process by itself: $(cat "$tmp/cable.err")"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Each way in which a tap cannot be made is told with the name and the remedy.
. "$(dirname "$0")/net-port-functions.sh"
needs_tun
make_bridge br0 01
ip link add dum0 type veth peer name dum1 || skip "the kernel has no veth interfaces"

# refused TEXT OPTIONS [COMMAND..]: the tap is not opened, and the line says TEXT
refused () {
	local text=$1 options=$2; shift 2
	if "$@" "$cable" "tap,$options" null </dev/null >"$tmp/out" 2>"$tmp/err"; then
		fail "tap,$options: was opened"
	fi
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "tap,$options: not one line: $(cat "$tmp/err")"
	grep -q -- "$text" "$tmp/err" || fail "tap,$options: the line does not say \"$text\": $(cat "$tmp/err")"
}

refused 'at most 15 bytes' name=vif1.0-is-too-long
refused 'has no name' name=
refused 'percent signs' name=vif%d
refused 'slashes' name=a/b
refused 'dum0.*in use.*ip link del' name=dum0
refused 'no bridge br7.*ip link add br7 type bridge' name=vif1.0,bridge=br7
refused 'dum0 is no bridge of Linux but veth' name=vif1.0,bridge=dum0
refused 'no bridge of Linux but a network card' name=vif1.0,bridge=lo
refused 'MTU must be' name=vif1.0,mtu=67
refused 'MTU must be' name=vif1.0,mtu=65522
refused '1 to 8 queues, not 9' name=vif1.0,queues=9
refused '1 to 8 queues, not 0' name=vif1.0,queues=0
refused 'CAP_NET_ADMIN.*"user"' name=vif1.0 setpriv --bounding-set=-net_admin
[ -z "$(ip -br link show type tun)" ] || fail "a tap that was refused is there: $(ip -br link show type tun)"

# One of another process is not joined, even if it would let us.
start_cable tap,name=vif1.0,queues=2 null,queues=2
refused 'vif1.0.*in use' name=vif1.0
kill_cable
ip tuntap add vif2.0 mode tap multi_queue vnet_hdr
refused 'vif2.0.*in use' name=vif2.0

mount -t tmpfs none /dev/net
refused 'modprobe tun' name=vif1.0

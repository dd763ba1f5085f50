#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest on a macvtap: its frames get out and in, and nothing of it is left, however it ends.
. "$(dirname "$0")/net-port-functions.sh"
needs_tun
macvtaps_alone
make_bridge br0 01
make_bridge br1 02
make_host br0 a 10.9.0.1/24 fd09::1/64
make_host br1 b 10.9.0.2/24 fd09::2/64
# The guest's address is the macvtap's.
on a ip link set eth0 address 02:00:00:00:0a:01
ip link add mv0 type veth peer name mv1
ip link set mv1 master br1 up
ip link set mv0 up
ip link add link mv0 name probe type macvtap mode bridge || skip "the kernel has no macvtap"
ip link set probe up
index=$(ip -j link show probe | $python -c 'import json, sys; print(json.load(sys.stdin)[0]["ifindex"])')
[ -c "/dev/tap$index" ] || skip "/dev is not filled by the kernel: there is no /dev/tap$index"
[ -r "/dev/tap$index" ] || skip "/dev/tap$index is not for this user"
ip link del probe

macvtap=macvtap,name=vif1.0,device=mv0,mac=02:00:00:00:0a:01
start_cable $macvtap,queues=2 tap,name=cable0,bridge=br0,queues=2
# What a guest that took the process over could do now.
tell escape
send_data a b 10.9.0.2 10000000
send_data b a 10.9.0.1 10000000
send_data a b fd09::2 5000000
! ip link show vif1.0 >/dev/null 2>&1 || fail "the macvtap is in sight: it would outlive the process"
nothing_waits b 10.9.0.1
send_data a b 10.9.0.2 2000000
kill_cable
# It is gone, and its address is free.
start_cable $macvtap tap,name=cable0,bridge=br0
send_data b a 10.9.0.1 2000000
echo quit >&"${CABLE[1]}"
wait "$cable_pid" || fail "it does not end well: $(cat "$tmp/cable.err")"

# One that was made for us is taken, and left as it was.
ip link add link mv0 name made address 02:00:00:00:0a:01 type macvtap mode bridge
wait_for 10 ip link set made up # the address is free soon
start_cable macvtap,name=vif1.0,device=made tap,name=cable0,bridge=br0
send_data a b 10.9.0.2 2000000
kill_cable
ip link show made >/dev/null || fail "a macvtap of others is gone"

# What a predecessor without the right to hide it left is removed.
ip link del made
ip link add link mv0 name vif1.0 address 02:00:00:00:0a:01 type macvtap mode bridge
ip link set vif1.0 alias sluice-net up
start_cable $macvtap tap,name=cable0,bridge=br0
send_data a b 10.9.0.2 2000000

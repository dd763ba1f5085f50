#!/bin/bash
# SPDX-License-Identifier: MIT
# The interface shows whether a guest is there, and goes with the process, however that ends.
. "$(dirname "$0")/net-port-functions.sh"
needs_tun
make_bridge br0 01
start_cable tap,name=vif1.0,bridge=br0,queues=4,mtu=9000 null,queues=4
has () { ip -d link show vif1.0 | grep -q -- "$1"; }

has 'LOWER_UP' || fail "there is no carrier with a guest"
has 'link/ether fe:ff:ff:ff:ff:ff' || fail "the interface has not the address that bridges do not take"
has 'mtu 9000' || fail "the MTU is not as configured"
has 'master br0' || fail "it is not on the bridge"
has 'NOARP' && has 'addrgenmode none' || fail "the host would speak on the interface itself"
tell disconnect
has 'NO-CARRIER' || fail "there is a carrier without a guest"
has 'numqueues 0' || has 'numdisabled 4' || fail "queues are on without a guest"
tell "connect 1"
has 'LOWER_UP' || fail "there is no carrier for the next guest"
kill_cable
gone () { ! ip link show vif1.0; }
wait_for 5 gone
# The name is free again at once.
start_cable tap,name=vif1.0,bridge=br0 null
echo quit >&"${CABLE[1]}"
wait "$cable_pid" || fail "it does not end well: $(cat "$tmp/cable.err")"
gone >/dev/null 2>&1 || fail "the interface is there after the end"

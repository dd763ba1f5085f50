#!/bin/bash
# SPDX-License-Identifier: MIT
# Two taps on two bridges and a cable between: data get through whole, large frames stay large.
. "$(dirname "$0")/net-port-functions.sh"
needs_tun
make_bridge br0 01
make_bridge br1 02
start_cable tap,name=vif1.0,bridge=br0,queues=2 tap,name=vif2.0,bridge=br1,queues=2
make_host br0 a 10.9.0.1/24 fd09::1/64
make_host br1 b 10.9.0.2/24 fd09::2/64

# What a guest that took the process over could do now.
tell escape
send_data a b 10.9.0.2 20000000
[ "$(mean_bytes vif1.0 tx)" -gt 3000 ] || fail "the kernel cut up what it sent through vif1.0: $(mean_bytes vif1.0 tx) bytes per frame"
[ "$(mean_bytes vif2.0 rx)" -gt 3000 ] || fail "vif2.0 got frames that were cut up: $(mean_bytes vif2.0 rx) bytes per frame"
send_data b a 10.9.0.1 20000000
send_data a b fd09::2 20000000
send_data b a fd09::1 20000000
nothing_waits a 10.9.0.2
tell "connect 2"
# A queue less, the same interface.
tell "connect 1"
ip -d link show vif1.0 | grep -q 'numqueues 1 numdisabled 1' || fail "a queue that the guest does not use is not off"
send_data a b 10.9.0.2 5000000

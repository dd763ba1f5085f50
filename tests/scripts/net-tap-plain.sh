#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest that takes no offloads gets frames that are whole and short from the kernel.
. "$(dirname "$0")/net-port-functions.sh"
needs_tun
make_bridge br0 01
make_bridge br1 02
start_cable tap,name=vif1.0,bridge=br0,guest=none tap,name=vif2.0,bridge=br1,guest=none
make_host br0 a 10.9.0.1/24 fd09::1/64
make_host br1 b 10.9.0.2/24 fd09::2/64
send_data a b 10.9.0.2 5000000
send_data a b fd09::2 5000000
[ "$(mean_bytes vif1.0 tx)" -le 1514 ] || fail "frames for the guest have $(mean_bytes vif1.0 tx) bytes"

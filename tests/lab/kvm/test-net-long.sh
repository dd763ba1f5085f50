#!/bin/bash
# SPDX-License-Identifier: MIT
# The same as test-net.sh with 64 MiB, and iperf3 both ways over IPv4 and IPv6, before and after the kill; 6.12 on both sides.
. "$(dirname "$0")/functions.sh"
. "$lab/net.sh"
net_needs
net_scripts net-host.sh
lab_boot 3600 6.12 1 guest=6.12 more=yes
grep '^LAB' "$out/console.log" | tr -d '\r'
tr -d '\r' <"$out/guest-a.log" | grep -E 'receiver$'

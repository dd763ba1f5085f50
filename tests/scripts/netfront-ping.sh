#!/bin/bash
# SPDX-License-Identifier: MIT
# Two guest domains ping each other over both IPs, with small, large and jumbo packets.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/netfront-functions.sh"
requires busybox ping -c 1 127.0.0.1
both='. "'$tmp'/lib"
	ip -o link show eth0
	[ "$(cat /proc/net/dev | grep -c eth0)" = 1 ]
	ip -o link show eth0 | grep -q "mtu 9000"'
two_guests "$both
	pings 10.9.0.2
	pings fd99::2
	pings -s 8900 10.9.0.2
	say done1
	until_file done2" "$both
	pings 10.9.0.1
	for size in 0 1 46 47 1472 1473 4054 8972 20000 60000; do pings -s \$size 10.9.0.1; done
	for size in 0 1452 1453 8952 20000; do pings -s \$size fd99::1; done
	say done2
	until_file done1" ,mtu=9000

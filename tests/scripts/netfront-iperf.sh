#!/bin/bash
# SPDX-License-Identifier: MIT
# iperf3 between two guest domains: both ways, over both IPs, several queues, no offloads.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/netfront-functions.sh"
requires command -v iperf3
# Each of them is one more connection of the server's.
client='. "'$tmp'/lib"
	pings 10.9.0.1
	run () { for ((i = 0; i < 50; i++)); do iperf3 -c "$@" >'$tmp'/iperf 2>&1 && break; sleep 0.1; done
		echo "$*: $(grep receiver '$tmp'/iperf)"; grep -q receiver '$tmp'/iperf; }
	run 10.9.0.1 -n 16M
	run 10.9.0.1 -n 16M -R
	run fd99::1 -n 16M
	run fd99::1 -n 16M -R
	run 10.9.0.1 -n 16M -P 4
	run 10.9.0.1 -n 2M -u -b 50M -l 1400
	say done'
server='. "'$tmp'/lib"
	(while [ ! -e '$tmp'/done ]; do timeout 60 iperf3 -s -1 >/dev/null 2>&1 || :; done) & server=$!
	until_file done
	pkill -P $server || :'
for tap_options in "" "--queues=4" "--no-gso" "--no-csum --no-sg"; do
	rm -f "$tmp/done"
	echo "with: $tap_options"
	two_guests "$server" "$client"
	[ "$(grep -cE "^(10|fd).*receiver" "$tmp/log")" = 6 ] || fail "not all of them ran"
done

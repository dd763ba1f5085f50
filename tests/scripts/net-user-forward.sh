#!/bin/bash
# SPDX-License-Identifier: MIT
# Ports of the host that are forwarded to the guest, and those that cannot be.
. "$(dirname "$0")/net-user-functions.sh"
start_guest "forward=tcp:127.0.0.1:8022-22 udp:8053-10.0.2.15:53 tcp:[::1]:8080-[fec0::15]:80"
give_addresses
serve_echo guest tcp 10.0.2.15 22
serve_echo guest udp 10.0.2.15 53
serve_echo guest tcp fec0::15 80
answers host tcp 127.0.0.1 8022
answers host udp 127.0.0.1 8053
answers host tcp ::1 8080
# On the address that was named only.
is_refused host tcp 192.0.2.1 8022
is_refused host udp 192.0.2.1 8053

# refused TEXT FORWARD: the port is not opened, and the line says TEXT
refused () {
	"$cable" "user,forward=$2" null </dev/null >"$tmp/out" 2>"$tmp/err" && fail "$2: was opened"
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "$2: not one line: $(cat "$tmp/err")"
	grep -q -- "$1" "$tmp/err" || fail "$2: the line does not say \"$1\": $(cat "$tmp/err")"
}
refused 'tcp port 8022 of 127.0.0.1.*another program has it' tcp:127.0.0.1:8022-22
refused 'udp port 8053 of 127.0.0.1.*another program has it' udp:8053-53
refused 'tcp port 99 of 198.51.100.1 cannot' tcp:198.51.100.1:99-22
refused '"tcp:8022": after the host' 'tcp:8023-22 tcp:8022'
refused 'MTU must be from 1280' 1-2,mtu=1279
refused 'one queue, not 2' 1-2,queues=2

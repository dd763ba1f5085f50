#!/bin/bash
# SPDX-License-Identifier: MIT
# A network on which nothing happens wakes nobody, with connections open and closed.
. "$(dirname "$0")/net-user-functions.sh"
start_guest "forward=tcp:127.0.0.1:8022-22"
give_addresses
serve_echo out tcp 192.0.2.2 80
serve_echo out udp 192.0.2.2 80
answers guest tcp 192.0.2.2 80
answers guest udp 192.0.2.2 80
wakeups () { cat /proc/"$cable_pid"/task/*/status | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'; }
sleep 1
before=$(wakeups)
sleep 4
woken=$(($(wakeups) - before))
# slirp's timers come twice and five times a second while there are connections.
[ "$woken" -lt 100 ] || fail "in 4 seconds without traffic it woke up $woken times"

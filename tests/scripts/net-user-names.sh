#!/bin/bash
# SPDX-License-Identifier: MIT
# The guest's name server is the host's, long after the process has lost sight of resolv.conf.
. "$(dirname "$0")/net-user-functions.sh"
start_guest
give_addresses
serve_echo out udp 192.0.2.2 53
serve_echo out tcp 192.0.2.2 53
serve_echo out udp 192.0.2.2 54
answers guest udp 10.0.2.3 53
answers guest tcp 10.0.2.3 53
answers guest udp 192.0.2.2 53
sleep 2 # slirp's own alias believes a file for one second
echo 'nameserver 192.0.2.77' >/etc/resolv.conf
answers guest udp 10.0.2.3 53
answers guest tcp 10.0.2.3 53
# It is an alias for names, and for nothing else of that host.
serve_echo host tcp 127.0.0.1 54
is_refused guest udp 10.0.2.3 54
is_refused guest tcp 10.0.2.3 54
kill_cable

# A server on the host's loopback, as systemd-resolved's: names yes, its other services no.
echo 'nameserver 127.0.0.53' >/etc/resolv.conf
kill "$host_guest"
start_guest
give_addresses
serve_echo host udp 127.0.0.53 53
serve_echo host tcp 127.0.0.53 53
answers guest udp 10.0.2.3 53
answers guest tcp 10.0.2.3 53
listen_for 127.0.0.53 55
poke 127.0.0.53 55 loopback
poke 10.0.2.3 55 alias
serve_echo out udp 192.0.2.2 56
answers guest udp 192.0.2.2 56
! heard loopback && ! heard alias || fail "a service beside the name server was reached: $(cat "$tmp/heard")"
kill_cable

# None: the guest has a network, but no names, and a line says so.
echo 'search example' >/etc/resolv.conf
kill "$host_guest"
start_guest
give_addresses
is_refused guest udp 10.0.2.3 53
answers guest udp 192.0.2.2 56
grep -q 'no name server of IPv4 in /etc/resolv.conf' "$tmp/cable.err" || fail "nobody is told: $(cat "$tmp/cable.err")"

#!/bin/bash
# SPDX-License-Identifier: MIT
# What is the host's own is not reached through the user-mode network, whatever address is
# tried, with forwards of datagrams, whose answers go to loopback addresses, and without.
. "$(dirname "$0")/net-user-functions.sh"
ip addr add 169.254.169.254/32 dev lo
listen_for 0.0.0.0 81
listen_for :: 82
serve_echo host tcp 127.0.0.1 83
serve_echo host tcp ::1 83

# nothing_gets_in SOURCE-PORT
nothing_gets_in () {
	local address
	# Gateways are found by these: frames that follow are not lost for the want of an address.
	for address in 10.0.2.2 10.0.2.77 fec0::2 fec0::77; do is_refused guest tcp $address 83; done
	for address in 10.0.2.2 10.0.2.3 10.0.2.77 127.0.0.1 127.0.0.5 0.0.0.0 0.0.0.1 \
		169.254.169.254 224.0.0.1 255.255.255.255; do
		poke $address 81 to-$address "$1"
	done
	for address in fec0::2 fec0::3 fec0::77 fe80::2 fe80::77 ::1 :: ::ffff:127.0.0.1 \
		::127.0.0.1 ::ffff:192.0.2.1 ff02::1 fec0:0:0:1::1; do
		poke $address 82 to-$address "$1"
	done
	# The addresses that others see are reached, and after these nothing is on its way any more.
	poke 192.0.2.1 81 seen-from-"$1" "$1"
	poke 2001:db8::1 82 seen6-from-"$1" "$1"
	wait_for 10 heard seen-from-"$1"
	wait_for 10 heard seen6-from-"$1"
	! grep -q ^to- "$tmp/heard" || fail "the guest reached: $(grep ^to- "$tmp/heard" | tr '\n' ' ')"
}

start_guest
give_addresses
nothing_gets_in 5555
kill_cable
kill "$host_guest"

start_guest forward=udp:8053-53
give_addresses
serve_echo guest udp 10.0.2.15 53
nothing_gets_in 5555
answers host udp 127.0.0.1 8053
# The forwarded port may answer who asked it, and nobody else.
kill %%
wait_for 10 eval 'on guest $python -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind((\"\", 53))"'
nothing_gets_in 53

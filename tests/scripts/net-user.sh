#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest behind the user-mode network gets an address, asks for names, and reaches hosts outside.
. "$(dirname "$0")/net-user-functions.sh"
start_guest
serve_echo out tcp 192.0.2.2 80
serve_echo out udp 192.0.2.2 80
serve_echo out tcp 2001:db8::2 80
serve_echo out udp 2001:db8::2 80

# The address that DHCP offers, the router, the name server, and what is acknowledged.
on guest timeout 60 $python -c '
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"vif9.0")
s.bind(("", 68))
mac = bytes.fromhex("020000000901")
def exchange(options):
    s.sendto(struct.pack("!BBBBIHHIIII16s192xI", 1, 1, 6, 0, 7, 0, 0, 0, 0, 0, 0, mac, 0x63825363)
        + options + b"\xff", ("255.255.255.255", 67))
    d = s.recv(2000); o = {}; i = 240
    while d[i] != 255: o[d[i]] = d[i + 2:i + 2 + d[i + 1]]; i += 2 + d[i + 1]
    return socket.inet_ntoa(d[16:20]), o
def show(what, got):
    print(what, got[0], *(socket.inet_ntoa(got[1][k][:4]) for k in (1, 3, 6)))
offer = exchange(b"\x35\x01\x01")
show("offer" if offer[1][53] == b"\x02" else "strange", offer)
ack = exchange(b"\x35\x01\x03\x32\x04" + socket.inet_aton(offer[0]))
show("ack" if ack[1][53] == b"\x05" else "strange", ack)' >"$tmp/dhcp"
for what in offer ack; do
	grep -qx "$what 10.0.2.15 255.255.255.0 10.0.2.2 10.0.2.3" "$tmp/dhcp" || fail "DHCP: $(cat "$tmp/dhcp")"
done

give_addresses
# What a guest that took the process over could do now.
tell escape
answers guest tcp 192.0.2.2 80
answers guest udp 192.0.2.2 80
answers guest tcp 2001:db8::2 80
answers guest udp 2001:db8::2 80
send_data guest out 192.0.2.2 5000000
send_data guest out 2001:db8::2 5000000
# The prefix is announced, too.
wait_for 20 sh -c "nsenter -t $host_guest -n ip -6 addr show dev vif9.0 | grep -q 'fec0::.*dynamic'"
# A guest that closes and comes again has the network again.
tell disconnect
tell "connect 1"
answers guest tcp 192.0.2.2 80

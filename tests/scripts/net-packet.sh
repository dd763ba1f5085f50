#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest that has one end of a veth pair to itself: data get through whole, large frames and
# VLAN tags with them; several queues share what comes.
. "$(dirname "$0")/net-port-functions.sh"
needs_tun
make_bridge br0 01
make_host br0 a 10.9.0.1/24 fd09::1/64
# What the packet port has is the other end of host b's interface.
unshare -n sleep 1000 &
host_b=$!
cleanup_fn end_process $host_b
wait_for 5 not_same_net $host_b
ip link add pk0 type veth peer name eth0 netns $host_b
on b ip addr add 10.9.0.2/24 dev eth0
on b sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
on b ip addr add fd09::2/64 dev eth0
on b ip link set eth0 up

start_cable packet,device=pk0,queues=2 tap,name=vif1.0,bridge=br0,queues=2
# What a guest that took the process over could do now.
tell escape
send_data a b 10.9.0.2 20000000
[ "$(mean_bytes pk0 tx)" -gt 3000 ] || fail "what was sent through pk0 was cut up: $(mean_bytes pk0 tx) bytes per frame"
send_data b a 10.9.0.1 20000000
[ "$(mean_bytes vif1.0 rx)" -gt 3000 ] || fail "what came through pk0 was cut up: $(mean_bytes vif1.0 rx) bytes per frame"
send_data a b fd09::2 10000000
send_data b a fd09::1 10000000

on b $python -c '
import socket
for i in range(200): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("10.9.0.1", 9000 + i))'
seen () { frames; [ $((first + second)) -gt 200 ]; }
wait_for 10 seen
[ "$first" -gt 20 ] && [ "$second" -gt 20 ] || fail "200 flows are on one queue: $first and $second frames"
tell "connect 1"
frames
before=$second
send_data b a 10.9.0.1 2000000
frames
[ "$second" = "$before" ] || fail "a queue that the guest does not use got frames"

# A VLAN tag, which travels beside the packet in the kernel, and in it between ports.
# tag_passes FROM TO
tag_passes () {
	rm -f "$tmp/tag"
	on "$2" timeout 60 $python -c '
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(("eth0", 3))
s.setsockopt(263, 8, 1) # SOL_PACKET, PACKET_AUXDATA
print("ready", flush=True)
while True:
    d, c, _, _ = s.recvmsg(2000, 1000)
    if b"is it tagged?" not in d: continue
    status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", c[0][2][:20])
    print("tag", tci, hex(tpid), d[12:14].hex(), len(d)); break' >"$tmp/tag" &
	local sniffer=$!
	wait_for 10 grep -q ready "$tmp/tag"
	on "$1" $python -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
s.send(b"\xff" * 6 + b"\x02\0\0\0\0\7" + bytes.fromhex("8100000788b5") + b"is it tagged?" + bytes(50))'
	wait "$sniffer" || fail "the tagged frame of $1 does not get to $2"
	grep -qx 'tag 7 0x8100 88b5 77' "$tmp/tag" || fail "$2 got another frame than $1 sent: $(cat "$tmp/tag")"
}
tag_passes b a
tag_passes a b

# What the host itself sends there is not for the guest.
frames
before=$((first + second))
$python -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("pk0", 0))
for i in range(50): s.send(b"\xff" * 6 + b"\x02\0\0\0\0\7" + b"\x88\xb5" + bytes(50))'
frames
[ $((first + second - before)) -lt 25 ] || fail "the guest got $((first + second - before)) frames that the host sent"

nothing_waits b 10.9.0.1
send_data a b 10.9.0.2 2000000

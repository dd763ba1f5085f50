# SPDX-License-Identifier: MIT
# For tests of the user-mode network: source it first. This namespace is the host, "out" is a
# host outside (192.0.2.2, 2001:db8::2), "guest" is behind the port, on the interface vif9.0.
. "$(dirname "${BASH_SOURCE[0]}")/net-port-functions.sh"
needs_tun
"$cable" user null </dev/null >/dev/null 2>"$tmp/err" || {
	grep -q 'built without libslirp' "$tmp/err" && skip "$(cat "$tmp/err")"
	fail "the user port does not open: $(cat "$tmp/err")"
}

# The host's name server, which it has from its resolv.conf.
echo 'nameserver 192.0.2.2' >"$tmp/resolv.conf"
mount --bind "$tmp/resolv.conf" /etc/resolv.conf

make_bridge br0 01
ip addr add 192.0.2.1/24 dev br0
echo 0 >/proc/sys/net/ipv6/conf/br0/accept_dad
ip addr add 2001:db8::1/64 dev br0
make_host br0 out 192.0.2.2/24 2001:db8::2/64

# start_guest USER-OPTIONS: the guest gets its interface, and no addresses yet
start_guest () {
	start_cable "user,name=vif9${1:+,$1}" tap,name=vif9.0
	unshare -n sleep 1000 &
	host_guest=$!
	cleanup_fn end_process "$host_guest"
	wait_for 5 not_same_net "$host_guest"
	ip link set vif9.0 netns "$host_guest"
	on guest ip link set lo up
	on guest sh -c 'echo 0 >/proc/sys/net/ipv6/conf/vif9.0/accept_dad'
	on guest ip link set vif9.0 address 02:00:00:00:09:01 up
}
# give_addresses: as DHCP would
give_addresses () {
	on guest ip addr add 10.0.2.15/24 dev vif9.0
	on guest ip route add default via 10.0.2.2
	on guest ip addr add fec0::15/64 dev vif9.0
	on guest ip route replace default via fec0::2
}

# serve_echo WHERE tcp|udp ADDRESS PORT: sends back what comes, with "you said " before it
serve_echo () {
	"${1}_runs" $python -c '
import socket, sys, threading
kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET, kind)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[2], int(sys.argv[3])))
if sys.argv[1] == "tcp": s.listen()
print("ready", flush=True)
while True:
    if sys.argv[1] == "udp":
        d, a = s.recvfrom(65536); s.sendto(b"you said " + d, a)
    else:
        c, a = s.accept(); d = c.recv(65536); c.sendall(b"you said " + d); c.close()
' "$2" "$3" "$4" >"$tmp/echo.$1.$2.$4" &
	cleanup_fn end_process "$!"
	wait_for 10 grep -q ready "$tmp/echo.$1.$2.$4"
}
out_runs () { exec nsenter -t "$host_out" -n "$@"; }
guest_runs () { exec nsenter -t "$host_guest" -n "$@"; }
host_runs () { exec "$@"; }

# ask WHERE tcp|udp ADDRESS PORT: prints the answer; fails without one
ask () {
	("${1}_runs" timeout 60 $python -c '
import socket, sys
kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET, kind)
s.settimeout(float(sys.argv[4])); s.connect((sys.argv[2], int(sys.argv[3]))); s.send(b"hello")
print(s.recv(100).decode())' "$2" "$3" "$4" "${5:-8}") 2>"$tmp/ask.err"
}
# answers / is_refused WHERE tcp|udp ADDRESS PORT
answers () { [ "$(ask "$@")" = "you said hello" ] || fail "no answer to $*: $(tail -n 1 "$tmp/ask.err")"; }
is_refused () { ! ask "$@" 1 >/dev/null || fail "$* was answered, and must not be"; }

# listen_for FAMILY-ANY-ADDRESS PORT: datagrams that get to the host are words in $tmp/heard
listen_for () {
	$python -c '
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2]))); print("ready-" + sys.argv[2], flush=True)
while True: print(s.recv(1000).decode(), flush=True)' "$1" "$2" >>"$tmp/heard" &
	cleanup_fn end_process "$!"
	wait_for 10 grep -q "^ready-$2" "$tmp/heard"
}
# poke ADDRESS PORT WORD [FROM-PORT]: the guest sends a datagram as no kernel would, straight as a frame
poke () {
	on guest $python -c '
import socket, struct, sys
to, port, word = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
def total(b):
    b += b"\0" * (len(b) % 2); s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16: s = (s & 65535) + (s >> 16)
    return s
six = ":" in to
family = socket.AF_INET6 if six else socket.AF_INET
src = socket.inet_pton(family, "fec0::15" if six else "10.0.2.15")
dst = socket.inet_pton(family, to)
udp = struct.pack("!HHHH", int((sys.argv[4:] or [5555])[0]), port, 8 + len(word), 0) + word
check = 65535 - total(src + dst + struct.pack("!HH", 17, len(udp)) + udp)
udp = udp[:6] + struct.pack("!H", check or 65535) + udp[8:]
if six:
    ip = struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + src + dst
else:
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + src + dst
    ip = ip[:10] + struct.pack("!H", 65535 - total(ip)) + ip[12:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("vif9.0", 0))
mac = bytes.fromhex("525600000002" if six else "52550a000202")
s.send(mac + bytes.fromhex("020000000901") + struct.pack("!H", 0x86dd if six else 0x800) + ip + udp)' "$@"
}
heard () { grep -qx "$1" "$tmp/heard"; }

# SPDX-License-Identifier: MIT
# For tests of ports: source it first. The test then runs in a network namespace of its own,
# as its root, with two bridges br0 and br1 that have nothing on them yet.
. "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
cable=$builddir/tests/peers/port-cable
python=python3

if [ -z "${SLUICE_NET_TEST_INSIDE:-}" ]; then
	unshare -rnm true 2>/dev/null || skip "user and network namespaces cannot be made here"
	SLUICE_NET_TEST_INSIDE=1 exec unshare -rnm -- "$BASH" "$0" "$@"
fi
command -v ip >/dev/null || skip "iproute2 is missing"
command -v python3 >/dev/null || skip "python3 is missing"

ip link set lo up
# make_bridge NAME LAST-BYTE-OF-ITS-ADDRESS
make_bridge () {
	ip link add "$1" address "02:00:00:00:01:$2" type bridge || skip "the kernel has no bridges"
	ip link set "$1" up
}
needs_tun () { [ -c /dev/net/tun ] && [ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip "there is no /dev/net/tun, or it is not for this user"; }

# macvtaps_alone: the kernel names /dev/tapN after the interface's number, which each network namespace counts for
# itself: of two tests that have macvtaps at once one would find no device, or the other's.
macvtaps_alone () {
	exec 7>"$builddir/macvtap.lock"
	flock -w 300 7 || fail "another test has macvtaps for 300 s"
}

end_process () { kill "$1" 2>/dev/null || true; }

# start_cable PORT PORT: run it, its commands come by "tell"
start_cable () {
	coproc CABLE { exec "$cable" --confine "$@" 2>"$tmp/cable.err"; }
	cable_pid=$CABLE_PID
	cleanup_fn kill_cable
	read -r -t 60 answer <&"${CABLE[0]}" && [ "$answer" = ok ] || fail "the cable does not start: $(cat "$tmp/cable.err")"
}
kill_cable () {
	[ -n "${cable_pid:-}" ] || return 0
	kill -KILL "$cable_pid" 2>/dev/null || true
	wait "$cable_pid" 2>/dev/null || true
	cable_pid=
}
# tell COMMAND: one that it answers with ok
tell () {
	echo "$1" >&"${CABLE[1]}"
	read -r -t 60 answer <&"${CABLE[0]}" && [ "$answer" = ok ] || fail "$1: $(cat "$tmp/cable.err")"
}

# frames: sets first and second, the frames that queues 0 and 1 of the first port got so far
frames () {
	echo count >&"${CABLE[1]}"
	read -r -t 60 first second _ <&"${CABLE[0]}" && read -r -t 60 answer <&"${CABLE[0]}" && [ "$answer" = ok ] ||
		fail "no count: $(cat "$tmp/cable.err")"
}
# make_host BRIDGE NAME ADDRESS..: a namespace with its own stack, behind BRIDGE; run in it by "on NAME"
make_host () {
	local bridge=$1 name=$2 address; shift 2
	unshare -n sleep 1000 &
	eval "host_$name=$!"
	cleanup_fn end_process "$!"
	wait_for 5 test /proc/$!/ns/net -ef /proc/$!/task/$!/ns/net
	wait_for 5 not_same_net $!
	ip link add "to-$name" type veth peer name eth0 netns "$!"
	ip link set "to-$name" master "$bridge" up
	on "$name" ip link set lo up
	# Without the seconds in which an address of IPv6 is tried out.
	on "$name" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
	for address; do on "$name" ip addr add "$address" dev eth0; done
	on "$name" ip link set eth0 up
}
not_same_net () { [ "$(readlink /proc/$$/ns/net)" != "$(readlink "/proc/$1/ns/net")" ]; }
on () { local pid=host_$1; shift; nsenter -t "${!pid}" -n "$@"; }

# send_data FROM TO ADDRESS BYTES: by TCP, host to host; both ends hash what they saw
send_data () {
	rm -f "$tmp/received" # of the last time
	on "$2" timeout 60 $python -c '
import socket, hashlib, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], 7000)); s.listen(); print("listening", flush=True)
c, _ = s.accept(); h = hashlib.sha256()
while True:
    d = c.recv(1 << 20)
    if not d: break
    h.update(d)
print(h.hexdigest(), flush=True)' "$3" >"$tmp/received" &
	local server=$!
	wait_for 10 grep -q listening "$tmp/received"
	on "$1" timeout 60 $python -c '
import socket, hashlib, sys, random
c = socket.create_connection((sys.argv[1], 7000), 20)
r = random.Random(1); left = int(sys.argv[2]); h = hashlib.sha256()
while left:
    d = r.randbytes(min(left, 1 << 18)); c.sendall(d); h.update(d); left -= len(d)
c.close(); print(h.hexdigest())' "$3" "$4" >"$tmp/sent" || fail "nothing gets from $1 to $3"
	wait "$server" || fail "$2 did not get all"
	[ "$(tail -n 1 "$tmp/received")" = "$(cat "$tmp/sent")" ] || fail "what $1 sent is not what $2 got"
}

# mean_bytes INTERFACE tx|rx: of its frames so far
mean_bytes () {
	ip -s -j link show "$1" | $python -c '
import json, sys
s = json.load(sys.stdin)[0]["stats64"][sys.argv[1]]
print(s["bytes"] // max(s["packets"], 1))' "$2"
}

# nothing_waits FROM TO-ADDRESS: what came without a guest is not for the next one
nothing_waits () {
	local before
	tell disconnect
	frames
	before=$((first + second))
	on "$1" $python -c '
import socket, sys
for i in range(50): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (sys.argv[1], 9000))' "$2"
	tell "connect 1"
	frames
	[ $((first + second - before)) -lt 25 ] || fail "a guest got $((first + second - before)) frames that were the last one's"
}

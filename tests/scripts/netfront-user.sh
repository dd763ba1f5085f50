#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest domain on the network that needs no privilege: an address by DHCP, a connection out to a
# service of the host's, one in through a forwarded port.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/netfront-functions.sh"
busybox --list 2>/dev/null | grep -qx udhcpc || skip "there is no busybox with udhcpc here"
port=$((20000 + $$ % 20000))
cat >"$tmp/dhcp" <<'EOT'
#!/bin/sh
[ "$1" != bound ] || {
	ip addr add "$ip/$mask" dev "$interface"
	ip route add default via "$router"
	echo "bound $ip router $router dns $dns"
}
EOT
chmod +x "$tmp/dhcp"
cat >"$tmp/in.py" <<'EOT'
import socket, sys, time
for i in range(200):
    try:
        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
        s.sendall(b"hello")
        d = s.recv(100)
        if d:
            print("from the guest:", d.decode(), flush=True)
            sys.exit(0 if d == b"you said hello" else 1)
    except OSError:
        pass
    time.sleep(0.2)
sys.exit(1)
EOT
cat >"$tmp/guest.py" <<'EOT'
import socket, sys
s = socket.create_server(("10.0.2.15", 22))
s.settimeout(100)
while True:
    c, a = s.accept()
    d = c.recv(100)
    c.sendall(b"you said " + d)
    c.close()
    if d:
        break
EOT
guest 1 "ip link set lo up; busybox udhcpc -f -q -n -i eth0 -s '$tmp/dhcp'; ip -4 addr show eth0
	python3 '$tmp/guest.py'"
# The terms of net-stack: the command is a guest's, what it says is in the log.
sed -i 's/ --address=[^ ]*//g' "$tmp/guest1"
timeout -k 5 200 "$builddir/tests/peers/net-stack" --vif="guest=0,attach=user,forward=tcp:$port-22" \
	--guest="exec '$tmp/guest1'" >"$tmp/log" 2>&1 &
stack=$!
cleanup_fn eval "kill $stack 2>/dev/null; wait $stack 2>/dev/null || :"
status=0
timeout 120 python3 "$tmp/in.py" "$port" >"$tmp/in" 2>&1 || status=$?
wait "$stack" || status=$((status + $?))
cat "$tmp/log" "$tmp/in"
! grep -q 'built without libslirp' "$tmp/log" || skip "no libslirp"
[ $status = 0 ] || fail "it failed ($status)"
grep -q 'bound 10.0.2.15 router 10.0.2.2 dns 10.0.2.3' "$tmp/log" || fail "no address by DHCP"
grep -q 'from the guest: you said hello' "$tmp/in" || fail "no answer through the forwarded port"
! grep -E 'Sanitizer|runtime error' "$tmp/log" || fail "a program of the stack broke"

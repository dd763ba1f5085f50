# SPDX-License-Identifier: MIT
# For the netfront tests, after functions.sh: two guest domains, each with an interface on a
# bridge in the network driver domain, that the kernel's own programs use by
# sluice-netfront-tap. Guest 1 has 10.9.0.1 and fd99::1, guest 2 the same with a 2.
tap=$builddir/frontends/sluice-netfront-tap
export XDG_RUNTIME_DIR=$tmp/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
requires command -v ip
requires busybox true
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun here"

# guest N COMMAND: a script that connects and runs COMMAND with bash; options: $tap_options
tap_options=
guest () {
	cat >"$tmp/guest$1" <<-EOT
	#!/bin/bash
	exec '$tap' --address=10.9.0.$1/24 --address=fd99::$1/64 $tap_options -- /bin/bash -euc '
		# The address is checked for a second one of it first; a port of the bridge learns.
		for ((i = 0; i < 100; i++)); do ip -6 addr show dev eth0 | grep -q tentative || break; sleep 0.1; done
		. "$tmp/script$1"'
	EOT
	echo "$2" >"$tmp/script$1"
	chmod +x "$tmp/guest$1"
}
# two_guests COMMAND1 COMMAND2 [VIF-OPTIONS]: run them, each in its guest, until both have ended.
two_guests () {
	local status=0 stack
	guest 1 "$1"
	guest 2 "$2"
	timeout -k 5 400 "$builddir/tests/peers/net-stack" \
		--network='ip link add br0 type bridge && ip link set br0 mtu 9000 up' \
		--vif="guest=0,bridge=br0${3-}" --vif="guest=1,bridge=br0${3-}" \
		--guest="exec '$tmp/guest1'" --guest="exec '$tmp/guest2'" >"$tmp/log" 2>&1 &
	stack=$!
	cleanup_fn eval "kill $stack 2>/dev/null; wait $stack 2>/dev/null || :"
	if [ -n "${meanwhile-}" ]; then "$meanwhile"; fi
	wait "$stack" || status=$?
	cat "$tmp/log"
	if [ $status -eq 125 ] && grep -qE 'cannot be confined|not permitted|bridge' "$tmp/log"; then
		skip "no network driver domain here"
	fi
	[ $status -eq 0 ] || fail "a guest's command failed ($status)"
	if grep -E 'Sanitizer|runtime error' "$tmp/log"; then fail "a program of the stack broke"; fi
}
# backends: the processes that serve the interfaces of this test's stack.
backends () {
	local p at
	for p in $(pgrep -x sluice-net); do
		for ((at = p; at > 1; at = $(awk '/^PPid/ { print $2 }' "/proc/$at/status" 2>/dev/null || echo 0))); do
			if tr '\0' ' ' <"/proc/$at/cmdline" 2>/dev/null | grep -qF -- "$XDG_RUNTIME_DIR"; then
				echo "$p"
				break
			fi
		done
	done
}
# For guests' scripts: wait for what the other one, or the test, says by a file.
cat >"$tmp/lib" <<-EOT
	until_file () { local i; for ((i = 0; i < 1200; i++)); do [ -e "$tmp/\$1" ] && return; sleep 0.1; done; echo "no \$1"; exit 1; }
	say () { touch "$tmp/\$1"; }
	pings () { local i; for ((i = 0; i < 20; i++)); do ping_one "\$@" && return; sleep 0.2; done; echo "no answer: \$*"; exit 1; }
	# iputils' ping sets its user to its own, which a domain's network namespace may have no name for.
	ping_one () { busybox ping -c 1 -W 2 "\$@"; }
EOT
cat >"$tmp/transfer.py" <<'EOT'
# transfer.py listen|connect ADDRESS send|receive MIB: noise of a known seed, and its checksum
import hashlib, os, random, socket, sys, time
how, address, what, mib = sys.argv[1:5]
if how == "listen":
    s = socket.create_server((address, 9000), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    c, _ = s.accept()
else:
    for i in range(100):
        try:
            c = socket.create_connection((address, 9000))
            break
        except OSError:
            time.sleep(0.2)
block = random.Random(7).randbytes(1 << 20)
digest, n = hashlib.sha256(), 0
if what == "send":
    for i in range(int(mib)):
        part = i.to_bytes(8, "big") + block[8:]
        c.sendall(part)
        digest.update(part)
        n += len(part)
    c.shutdown(socket.SHUT_WR)
    c.recv(1)
else:
    while True:
        part = c.recv(1 << 18)
        if not part:
            break
        digest.update(part)
        n += len(part)
    c.sendall(b".")
# In one write: two guests share the log.
os.write(1, f"sha256 {what} {n} {digest.hexdigest()}\n".encode())
EOT

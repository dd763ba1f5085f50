#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-domain-init --network-fd: the command is started when the toolstack has put what belongs
# into the domain's network, and not if it gives up.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
requires command -v python3
init=$builddir/hypervisor/process/sluice-domain-init
run=$tmp/run
mkdir -p "$run/dom/1"
cat >"$tmp/toolstack" <<'END'
import os, select, socket, subprocess, sys
init, run, what = sys.argv[1:4]
ours, theirs = socket.socketpair()
started = run + "/dom/1/started"
domain = subprocess.Popen([init, "--run-dir=" + run, "--domain-dir=" + run + "/dom/1", "--own-network=admin",
    "--network-fd=%d" % theirs.fileno(), "--", "sh", "-c", ": >" + started + "; ls -l /proc/self/fd"],
    pass_fds=[theirs.fileno()], stdout=subprocess.PIPE)
theirs.close()
ours.settimeout(60)
said = ours.recv(2)
if not said:
    sys.exit(77)
assert len(said) == 1, said
# It is a network of its own by now.
first = open("/proc/%d/task/%d/children" % (domain.pid, domain.pid)).read().split()[0]
assert os.readlink("/proc/%s/ns/net" % first) != os.readlink("/proc/self/ns/net")
# Nothing tells that a process will not start: this shows a wrong one often, and never blames a right one.
select.select([ours], [], [], 0.3)
assert not os.path.exists(started), "it did not wait"
if what == "give":
    ours.send(b"x")
    assert ours.recv(1) == b"", "its end is open still"
else:
    ours.close()
out = domain.communicate(timeout=60)[0].decode()
assert "socket:" not in out, "the command has the socket: " + out
assert os.path.exists(started) == (what == "give"), what
assert (domain.returncode == 0) == (what == "give"), domain.returncode
END
for what in give close; do
	rm -f "$run/dom/1/started"
	status=0
	python3 "$tmp/toolstack" "$init" "$run" $what 2>"$tmp/err" || status=$?
	[ $status != 77 ] || skip "no network of its own here: $(cat "$tmp/err")"
	[ $status = 0 ] || fail "$what: $(cat "$tmp/err")"
done
# What is none.
bad () { ! "$init" --run-dir="$run" --domain-dir="$run/dom/1" "$@" -- true 2>"$tmp/err" || fail "taken: $*"; grep -q network-fd "$tmp/err" || fail "$(cat "$tmp/err")"; }
bad --own-network --network-fd=
bad --own-network --network-fd=-1
bad --own-network --network-fd=1x
bad --own-network --network-fd=999
bad --network-fd=1

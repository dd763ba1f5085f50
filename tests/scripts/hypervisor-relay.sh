# SPDX-License-Identifier: MIT
# sluice-relay: what it is started with is checked, and it ends with whoever started it.
. "$(dirname "$0")/functions.sh"
requires command -v python3
relay=$builddir/hypervisor/process/sluice-relay
# bad TEXT OPTION..: refused with that.
bad () {
	local said=$1; shift
	! "$relay" "$@" </dev/null >"$tmp/out" 2>"$tmp/err" || fail "taken: $*"
	grep -qF -- "$said" "$tmp/err" || fail "$*: $(cat "$tmp/err")"
}
bad '--control-fd and --server are needed, and nothing else'
bad '--control-fd and --server are needed, and nothing else' --control-fd=0
bad '--control-fd and --server are needed, and nothing else' --server=127.0.0.1:1
bad '--control-fd and --server are needed, and nothing else' --control-fd=0 --server=127.0.0.1:1 more
bad '--control-fd=x is no descriptor' --control-fd=x
bad 'server "127.0.0.1": it is not HOST:PORT' --server=127.0.0.1
bad "the domain's sockets cannot be used" --control-fd=0 --server=127.0.0.1:1
"$relay" --version | grep -q '^sluice-relay ' || fail "no version"
cat >"$tmp/start.py" <<'P'
import array, os, socket, struct, subprocess, sys
relay = sys.argv[1]
def run(server, fds, left=0, read=True):
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    p = subprocess.Popen([relay, "--control-fd=%d" % its.fileno(), "--server=" + server, "--domain=d"],
        pass_fds=[its.fileno()], stderr=subprocess.PIPE, text=True)
    its.close()
    ours.sendmsg([struct.pack("I", left)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
    if left:
        ours.shutdown(socket.SHUT_WR)
    said = ours.recv(4) if read else b""
    ours.close()
    return p.wait(60), said, p.stderr.read()
def listener():
    s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
    return s, s.getsockname()[1]
s, port = listener()
plain = socket.socket()
r, w = os.pipe()
good = "127.0.0.1:%d" % port
def refused(text, *args):
    status, said, err = run(*args)
    assert status == 1 and said == b"" and text in err, (status, said, err)
# For what it is given, and for that alone.
status, said, err = run(good, [s.fileno()])
assert status == 0 and said == b"\0\0\0\0", (status, said, err)
refused("Permission denied", "127.0.0.1:%d" % (port ^ 1), [s.fileno()])
refused("Permission denied", "127.0.0.2:%d" % port, [s.fileno()])
refused("Socket operation on non-socket", good, [plain.fileno()])
refused("Socket operation on non-socket", good, [r])
# The rest of them never comes.
refused("the domain's sockets cannot be used", good, [s.fileno()], 1)
print("well")
P
[ "$(timeout 100 python3 "$tmp/start.py" "$relay" 2>"$tmp/err")" = well ] || fail "$(cat "$tmp/err")"
# A server that has said all and goes away while it is sent much: that connection ends, not the relay.
cat >"$tmp/domain.py" <<'P'
import array, socket, struct, sys
control, port = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
s = socket.socket(); s.bind(("127.0.0.1", port)); s.listen()
control.sendmsg([struct.pack("I", 0)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
assert control.recv(4) == b"\0\0\0\0"
def visit():
    c = socket.socket(); c.settimeout(60); c.connect(("127.0.0.1", port)); return c
c = visit()
try:
    while True:
        c.sendall(bytes(1 << 20))
except OSError:
    pass
c = visit()
c.sendall(b"still")
assert c.recv(5) == b"there"
print("well")
P
cat >"$tmp/gone.py" <<'P'
import socket, subprocess, sys
relay, domain = sys.argv[1:]
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); s.settimeout(60)
port = s.getsockname()[1]
inside, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
p = subprocess.Popen([relay, "--control-fd=%d" % its.fileno(), "--server=127.0.0.1:%d" % port],
    pass_fds=[its.fileno()])
d = subprocess.Popen(["unshare", "--net", "--map-root-user", "sh", "-c",
    'ip link set lo up; exec python3 "$@"', "sh", domain, str(inside.fileno()), str(port)],
    pass_fds=[inside.fileno()], stdout=subprocess.PIPE, text=True)
its.close(); inside.close()
c, _ = s.accept()
c.shutdown(socket.SHUT_WR)
got = 0
while got < 8 << 20:
    got += len(c.recv(65536))
c.close()
c, _ = s.accept()
assert c.recv(5) == b"still"
c.sendall(b"there")
assert d.communicate(timeout=60)[0] == "well\n"
c.close()
assert p.wait(60) == 0
print("well")
P
unshare --net --map-root-user ip link set lo up 2>/dev/null || exit 0
[ "$(timeout 100 python3 "$tmp/gone.py" "$relay" "$tmp/domain.py" 2>"$tmp/err")" = well ] || fail "$(cat "$tmp/err")"

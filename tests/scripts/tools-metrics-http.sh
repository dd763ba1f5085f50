# SPDX-License-Identifier: MIT
# sluice metrics over HTTP: to those on this machine, whatever they send, and as slowly.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v python3

# Addresses that others could reach, or that are none.
for bad in 0.0.0.0:0 :0 9100 '*:9100' 10.0.0.1:0 '[::]:0' localhost:0 127.0.0.1 127.0.0.1: 127.0.0.1:65536 \
	127.0.0.1:-1 127.0.0.1:0x10 128.0.0.1:0 '127.1:0'; do
	timeout 60 "$sluice" metrics --listen="$bad" >"$tmp/out" 2>&1 && fail "it listens at $bad"
	grep -q "no address of this machine alone" "$tmp/out" || fail "$bad: $(cat "$tmp/out")"
done

# serve OPTION: a server, in $server, and what it listens on in $where.
serve () {
	: >"$tmp/server"
	"$sluice" metrics "$1" >"$tmp/server" 2>&1 &
	server=$!
	cleanup_fn eval "kill $server 2>/dev/null"
	wait_for 20 grep -q '^listening on ' "$tmp/server"
	where=$(sed -n 's/^listening on //p' "$tmp/server")
}
cat >"$tmp/client.py" <<'EOT'
import socket, sys, time
where = sys.argv[1]

def connect():
    if where.startswith("/"):
        s = socket.socket(socket.AF_UNIX)
        s.connect(where)
        s.settimeout(30)
    else:
        host, port = where.rsplit(":", 1)
        s = socket.create_connection((host, int(port)), 30)
    return s

def answer(s):
    data = b""
    try:
        while chunk := s.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data

def ask(request):
    s = connect()
    s.sendall(request)
    return answer(s)

def good():
    head, body = ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == "HTTP/1.1 200 OK", lines
    assert fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", fields
    assert int(fields["Content-Length"]) == len(body) > 1000, (fields, len(body))
    assert fields["Connection"] == "close"
    return body

def status(request):
    return int(ask(request).split(b" ", 2)[1])

body = good()
head = ask(b"HEAD /metrics HTTP/1.1\r\n\r\n")
assert head.endswith(b"\r\n\r\n") and b"Content-Length: %d\r\n" % len(body) in head, head
assert status(b"GET / HTTP/1.1\r\n\r\n") == 404
assert status(b"GET /../metrics HTTP/1.1\r\n\r\n") == 404
assert status(b"PUT /metrics HTTP/1.1\r\n\r\n") == 405
assert b"Allow: GET, HEAD" in ask(b"POST /metrics HTTP/1.1\r\n\r\n")
assert status(b"GET /metrics HTTP/3.0\r\n\r\n") == 505
assert status(b"\x16\x03\x01\n") == 400
assert status(b"GET /metrics HTTP/1.1\r\nbad\r\n\r\n") == 400
assert status(b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 700) == 431
# A byte at a time is as good.
s = connect()
for byte in b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n":
    s.sendall(bytes([byte]))
assert answer(s).startswith(b"HTTP/1.1 200 ")
# A megabyte is refused before it was sent, and a body is nobody's.
s = connect()
try:
    s.sendall(b"x" * (1 << 20))
except (BrokenPipeError, ConnectionResetError):
    pass
answer(s)
assert ask(b"GET /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\nsomething").startswith(b"HTTP/1.1 200 ")
# Half a request and no more: nothing is answered, nothing is kept.
s = connect()
s.sendall(b"GET /met")
s.shutdown(socket.SHUT_WR)
assert answer(s) == b""
# Clients that go while they are answered.
for i in range(100):
    s = connect()
    s.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    s.close()
good()
# More than it has places for, all of which say nothing, or never read: others are served
# when those have had their time.
idle = [connect() for i in range(0 if where.startswith("/") else 24)]
for s in idle[::2]:
    s.sendall(b"GET /metrics HT")
assert good() == good()
for s in idle:
    s.close()
EOT

serve --listen=127.0.0.1:0
python3 "$tmp/client.py" "$where" || fail "on a port"
[ "$(wc -l <"$tmp/server")" = 1 ] || fail "it says $(cat "$tmp/server")"
[ "$(ls "/proc/$server/fd" | wc -l)" -lt 16 ] || fail "descriptors: $(ls -l "/proc/$server/fd")"
"$sluice" metrics --listen="$where" 2>"$tmp/err" && fail "two listen at $where"
grep -q "cannot listen at $where" "$tmp/err" || fail "$(cat "$tmp/err")"
kill "$server"
wait "$server" || fail "SIGTERM is no error"

serve --socket="$tmp/metrics.sock"
[ "$(stat -c %a "$tmp/metrics.sock")" = 600 ] || fail "others may connect"
python3 "$tmp/client.py" "$where" || fail "on a Unix socket"
"$sluice" metrics --socket="$tmp/metrics.sock" 2>"$tmp/err" && fail "two listen at one socket"
grep -q "is in use" "$tmp/err" || fail "$(cat "$tmp/err")"
kill -KILL "$server"
wait "$server" 2>/dev/null || :

# What a killed one leaves is no obstacle; what is somebody's is left alone.
serve --socket="$tmp/metrics.sock"
kill "$server"
wait "$server" || fail "SIGTERM is no error"
[ ! -e "$tmp/metrics.sock" ] || fail "the socket is left"
echo mine >"$tmp/file"
"$sluice" metrics --socket="$tmp/file" 2>"$tmp/err" && fail "a file was taken for a socket"
grep -q "is no socket" "$tmp/err" || fail "$(cat "$tmp/err")"
[ "$(cat "$tmp/file")" = mine ] || fail "a file was removed"
long=$(printf '%0200d' 0)
"$sluice" metrics --socket="/tmp/$long" 2>"$tmp/err" && fail "a name that is too long"
"$sluice" metrics --socket= 2>"$tmp/err" && fail "a name that is empty"
true

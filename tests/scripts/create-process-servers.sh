# SPDX-License-Identifier: MIT
# A process domain reaches the servers that its configuration names, as if they were in its own
# network, and nothing else; what goes wrong there ends in that connection, and what is killed comes back.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires command -v python3
requires command -v nsenter
requires unshare --user --map-root-user --net true
# A server that says back in capitals what it is told, and notes who came. serve NAME: its port in $NAME.
cat >"$tmp/server.py" <<'P'
import socket, sys, threading
def one(c):
    try:
        while True:
            d = c.recv(65536)
            if not d: break
            c.sendall(d.upper())
    except OSError: pass
    c.close()
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[2]))); s.listen(64)
open(sys.argv[1] + ".new", "w").write("%u\n" % s.getsockname()[1])
import os; os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    c, _ = s.accept()
    open(sys.argv[1] + ".log", "a").write("visited\n")
    threading.Thread(target=one, args=(c,), daemon=True).start()
P
serve () {
	rm -f "$tmp/$1"
	python3 "$tmp/server.py" "$tmp/$1" "${2:-0}" &
	eval "pid_$1=$!"
	cleanup_fn eval "kill $! 2>/dev/null"
	wait_for 30 test -s "$tmp/$1"
	read -r "$1" <"$tmp/$1"
}
serve first
serve second
serve other
# One who connects, and says how that went.
cat >"$tmp/visit.py" <<'P'
import errno, socket, sys
try:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60)
    s.sendall(b"hello")
    d = s.recv(100)
    print("reached" if d == b"HELLO" else "ended" if not d else "wrong")
except OSError as e:
    print(errno.errorcode.get(e.errno, repr(e)))
P
process_config "$tmp/store.cfg" "servers=[ '127.0.0.1:$first', '198.51.100.7:$second-$second', 'localhost:$second', '198.51.100.8:49152-49251' ]"
process_config "$tmp/plain.cfg"
"$sluice" create -q "$tmp/store.cfg" 2>"$tmp/err" || {
	! says "$tmp/err" 'cannot be confined' || skip "$(cat "$tmp/err")"
	fail "$(cat "$tmp/err")"
}
"$sluice" create -q "$tmp/plain.cfg"
run=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*)
init () { pgrep -o -f "^sluice-domain-init .*--domain-dir=$run/dom/$1 " | head -n 1; }
daemon () { pgrep -o -f "^[^ ]*/sluice-driverd --run-dir=$run/dom/$1/" | head -n 1; }
stack=${run##*/run.} stack=${stack%%.*}
relay () { pgrep -o -P "$stack" -f '^sluice-relay .*--domain=store ' | head -n 1; }
inside () { local d=$1; shift; nsenter --preserve-credentials -U -n -t "$(daemon "$d")" "$@"; }
gets () {
	local want=$1 got; shift
	got=$(inside "$1" python3 "$tmp/visit.py" "$2" "$3" 2>&1) || true
	[ "$got" = "$want" ] || fail "$*: $got, not $want"
}
[ -n "$(relay)" ] || fail "no relay"
gets reached 2 127.0.0.1 "$first"
gets reached 2 127.0.0.1 "$second"
# What is not named is not there, nor is anything in a domain without servers.
gets ECONNREFUSED 2 127.0.0.1 "$other"
gets ECONNREFUSED 2 127.0.0.2 "$first"
gets ENETUNREACH 2 198.51.100.9 "$first"
gets ENETUNREACH 3 127.0.0.1 "$first"
[ ! -e "$tmp/other.log" ] || fail "somebody got to the one that is not named"
[ "$(wc -l <"$tmp/first.log")" = 1 ] || fail "$(cat "$tmp/first.log")"
# There is no interface to go round it by, and no socket of the host's.
[ "$(inside 2 cat /proc/net/dev | tail -n +3 | wc -l)" = 1 ] || fail "it has interfaces"
[ "$(inside 2 cat /proc/net/tcp | awk 'NR > 1 && $4 == "0A"' | wc -l)" = 103 ] || fail "$(inside 2 cat /proc/net/tcp)"
# Not by another interface either, if the domain had one.
! command -v ss >/dev/null || ! inside 2 ss -Hltn | grep -v '%lo:' || fail "they are open to others"
hosts=$(nsenter --preserve-credentials -U -m -t "$(daemon 2)" cat /etc/hosts)
[ "$(echo "$hosts" | grep -c '^127.0.0.1 localhost$')" -ge 1 ] || fail "$hosts"
# Who is confined makes no sockets but those for connections, and holds nothing else.
grep -q '^Seccomp:[[:space:]]*2$' "/proc/$(relay)/status" || ! grep -q HAVE_LIBSECCOMP "$builddir/config.h" || fail "the relay is not confined"
grep -q '^CapEff:[[:space:]]*0*$' "/proc/$(relay)/status" || fail "the relay has capabilities"

# Many at once: what is beyond the limit is reset, and there is room again when they are gone.
cat >"$tmp/many.py" <<'P'
import resource, select, socket, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
n, all, reset = int(sys.argv[2]), [], 0
for i in range(n):
    s = socket.socket(); s.settimeout(60)
    try:
        s.connect(("127.0.0.1", int(sys.argv[1]))); all.append(s)
    except ConnectionResetError: reset += 1
for s in all:
    try:
        s.sendall(b"x")
        if s.recv(1) != b"X": reset += 1
    except OSError: reset += 1
print(n - reset, "served")
P
served=$(inside 2 python3 "$tmp/many.py" "$first" 560)
[ "$served" = "512 served" ] || fail "$served"
again () { [ "$(inside "$1" python3 "$tmp/visit.py" "$2" "$3" 2>&1)" = reached ]; }
wait_for 30 again 2 127.0.0.1 "$first"

# A server that is gone: reset, and said; it comes back.
kill "$pid_second"
wait "$pid_second" 2>/dev/null || :
gets ECONNRESET 2 127.0.0.1 "$second"
"$sluice" dmesg >"$tmp/log"
says "$tmp/log" "server 127.0.0.1:$second: Connection refused" || fail "$(cat "$tmp/log")"
serve second "$second"
gets reached 2 127.0.0.1 "$second"

# The relay is killed: it comes back, on the same sockets.
old=$(relay)
kill -KILL "$old"
came_back () { local now; now=$(relay); [ -n "$now" ] && [ "$now" != "$old" ]; }
gets reached 2 127.0.0.1 "$first"
wait_for 30 came_back
"$sluice" dmesg >"$tmp/log"
says "$tmp/log" '(sluice-relay) was ended by signal 9 (Killed); it is started again' || fail "$(cat "$tmp/log")"
# The domain is killed: it comes back with its way, and the old relay is gone.
old=$(relay) domain=$(init 2)
kill -KILL "$domain"
domain_back () { local now; now=$(init 2); [ -n "$now" ] && [ "$now" != "$domain" ] && [ -n "$(daemon 2)" ]; }
wait_for 30 domain_back
wait_for 30 again 2 127.0.0.1 "$first"
came_back || fail "the relay is the old one"
! kill -0 "$old" 2>/dev/null || fail "the old relay is left"
[ ! -e "$tmp/other.log" ] || fail "somebody got to the one that is not named"

# Killed again and again it stays away, and the domain goes on; a reboot brings it back.
for i in 1 2 3 4 5 6; do
	wait_for 30 test -n "$(relay)"
	old=$(relay)
	kill -KILL "$old"
	[ $i = 6 ] || wait_for 30 came_back
done
stays_away () { "$sluice" dmesg >"$tmp/log"; says "$tmp/log" 'too often: it stays so; sluice reboot store'; }
wait_for 30 stays_away
is_state store running || fail "$("$sluice" list)"
"$sluice" reboot store
gets reached 2 127.0.0.1 "$first"
"$sluice" destroy store
[ -z "$(relay)" ] || fail "the relay is left"
"$sluice" destroy plain
for s in "$pid_first" "$pid_second" "$pid_other"; do
	kill "$s"
	wait "$s" 2>/dev/null || :
done
assert_tidy 20

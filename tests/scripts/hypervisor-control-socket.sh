#!/bin/bash
# SPDX-License-Identifier: MIT
# The control socket: its mode, a stale one, a second hypervisor, bad options.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
hv=$builddir/hypervisor/sluice-hypervisor
tool=$builddir/tests/peers/hv-tool

start () { "$hv" --control="$tmp/control" 2>> "$tmp/log" & pid=$!; cleanup_fn kill -9 "$pid"; }

start
wait_for 10 "$tool" create "$tmp/control" "$tmp/one" 1
[ "$(stat -c %a "$tmp/control")" = 600 ] || fail "the control socket is open to others"
[ "$("$tool" hello "$tmp/one")" = 1 ] || fail "domain 1 does not answer"

if "$hv" --control="$tmp/control" 2> "$tmp/err"; then fail "a second hypervisor started"; fi
grep -q "another hypervisor serves" "$tmp/err" || fail "no word about the first one: $(cat "$tmp/err")"
"$tool" hello "$tmp/one" > /dev/null || fail "the first hypervisor was disturbed"

"$tool" destroy "$tmp/control" 1
if "$tool" hello "$tmp/one" 2> /dev/null; then fail "domain 1 answers after its end"; fi

kill -9 "$pid"
wait "$pid" 2> /dev/null || true
[ -S "$tmp/control" ] || fail "no stale socket to test with"
start
wait_for 10 "$tool" create "$tmp/control" "$tmp/two" 2

for option in "" --control-fd=77 --control-fd=x --log-level=loud --nonsense "--control=$tmp/no/where"; do
	status=0
	"$hv" $option 2> "$tmp/err" || status=$?
	[ "$status" = 1 ] || [ "$status" = 2 ] || fail "'$option' ended with $status"
	[ -s "$tmp/err" ] || fail "'$option' failed without a word"
done
"$hv" --help | grep -q -- --control-fd || fail "--help does not name its options"

# What is no socket is somebody's file: it stays.
for file in control2 control2.new; do
	echo precious > "$tmp/$file"
	if timeout 60 "$hv" --control="$tmp/control2" 2> "$tmp/err"; then fail "it started over a file"; fi
	grep -q "is no socket" "$tmp/err" || fail "no word about the file: $(cat "$tmp/err")"
	[ "$(cat "$tmp/$file")" = precious ] || fail "it removed a file"
	rm "$tmp/$file"
done

# Out of descriptors it waits and does not spin; then it serves again.
kill -9 "$pid"
wait "$pid" 2> /dev/null || true
(ulimit -n 24; exec "$hv" --control="$tmp/control" 2>> "$tmp/few") & pid=$!
cleanup_fn kill -9 "$pid"
wait_for 10 "$tool" create "$tmp/control" "$tmp/three" 3
hold='import socket, sys, time
held = []
for _ in range(60):
    held.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
    held[-1].setblocking(False)
    try: held[-1].connect(sys.argv[1])
    except BlockingIOError: break
open(sys.argv[2], "w")
time.sleep(1000)'
python3 -c "$hold" "$tmp/control" "$tmp/held" & holder=$!
cleanup_fn kill -9 "$holder"
wait_for 20 test -e "$tmp/held"
wait_for 20 grep -q "the control socket: cannot accept a connection" "$tmp/few"
ticks () { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
before=$(ticks)
sleep 1.5
spent=$(($(ticks) - before))
[ "$spent" -le 50 ] || fail "it spins: $spent ticks in one and a half seconds"
kill -9 "$holder"
wait_for 20 "$tool" create "$tmp/control" "$tmp/four" 4

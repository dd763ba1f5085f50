#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest's further console, served by a driver domain whose daemon starts the backend: it is
# killed again and again, and replaced, under output, and no line is missing or doubled, on its tape and in its log.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/tools-functions.sh"
requires command -v xenstore-write
requires command -v python3
requires_stack
kills=${SLUICE_KILLS:-3}
be=/local/domain/1/backend/console/2/2
fe=/local/domain/2/device/console/2

# The console's backend below our stack, by walking down: others may run here, too.
backend_below () {
	local child
	for child in $(ps -o pid= --ppid "$1"); do
		if [ "$(cat "/proc/$child/comm" 2>/dev/null)" = sluice-console ]; then echo "$child"; return 0; fi
		backend_below "$child" && return 0
	done
	return 1
}
cat >"$tmp/guest" <<EOT
#!/bin/bash
for ((i = 0; i < 1200; i++)); do [ -e '$tmp/begin' ] && break; sleep 0.05; done
exec '$builddir/tests/peers/console-guest' 2 '$tmp/enough'
EOT
chmod +x "$tmp/guest"
truncate -s 1M "$tmp/disk"
SLUICE_LOG=info timeout -k 5 200 "$sluice" exec --disk="$tmp/disk" -- "$tmp/guest" >"$tmp/out" 2>"$tmp/log" &
stack=$!
cleanup_fn eval "kill $stack 2>/dev/null; wait $stack 2>/dev/null || :"
cleanup_fn eval "[ -e $tmp/good ] || tail -n 40 $tmp/log"
store () { dir=$(echo "$XDG_RUNTIME_DIR"/*/store.sock); [ -S "$dir" ] || { dir=$(echo "$XDG_RUNTIME_DIR"/*/*/store.sock); [ -S "$dir" ]; }; }
wait_for 30 store
dir=${dir%/store.sock}
xs () { local what=$1; shift; XENSTORED_PATH=$dir/store.sock "xenstore-$what" "$@"; }
wait_for 30 xs exists /local/domain/1/backend/vbd/2
wait_for 30 xs exists /local/domain/2
socket=$dir/dom/1/driverd/c
# As libxl makes a channel: the frontend, then the backend, its state last.
xs write $fe ""; xs chmod $fe n2 r1
for node in "backend $be" "backend-id 1" "limit 1048576" "protocol vt100" "state 1"; do
	xs write $fe/${node% *} "${node#* }"; xs chmod $fe/${node% *} n2 r1
done
xs write $be ""; xs chmod $be n1 r2
for node in "frontend $fe" "frontend-id 2" "connection socket" "path $socket" "log $dir/dom/1/driverd/c.log" \
	"online 1" "state 1"; do
	xs write $be/${node% *} "${node#* }"; xs chmod $be/${node% *} n1 r2
done
state_is () { [ "$(xs read $be/state)" = "$1" ]; }
wait_for 30 state_is 2
touch "$tmp/begin"
wait_for 30 grep -q connected "$tmp/out"
wait_for 30 state_is 4

for ((i = 0; i < kills; i++)); do
	sleep "0.$((RANDOM % 30 + 20))"
	wait_for 20 eval 'pid=$(backend_below $stack)'
	xs rm $be/socket
	kill -9 "$pid"
	wait_for 30 eval '[ "$(backend_below $stack)" != "$pid" ] && [ -n "$(backend_below $stack)" ]'
	state_is 4 || fail "the frontend saw state $(xs read $be/state)"
	# Where it leads is said anew: a terminal, unlike this socket, has another name each time.
	wait_for 20 xs exists $be/socket
done
# The last time at the toolstack's word.
pid=$(backend_below $stack)
"$sluice" backend-upgrade "--store=$dir/store.sock" 2 console2 || fail "it was not replaced"
[ "$(backend_below $stack)" != "$pid" ] || fail "it is the old one"
state_is 4 || fail "the frontend saw state $(xs read $be/state)"
touch "$tmp/enough"
wait_for 30 test -S "$socket"
# A reader and writer of the socket, raw: the end of what is on the tape, and a key for the guest.
cat >"$tmp/reader.py" <<'EOT'
import re, socket, sys, time
end = time.time() + 60
text = b""
while time.time() < end and b"THE END" not in text:
    try:
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        s.settimeout(5)
        text = b""
        while not re.search(rb"THE END \d+\n", text):
            got = s.recv(65536)
            if not got:
                break
            text += got
    except OSError:
        time.sleep(0.1)
lines = text.decode().split("\n")
said = int(re.search(r"THE END (\d+)", text.decode()).group(1))
numbers = [int(x) for x in lines if re.fullmatch(r"\d{7}", x)]
assert numbers[-1] == said - 1, (numbers[-1], said)
assert numbers == list(range(numbers[0], said)), "a line is missing or doubled"
print(len(numbers), "of", said, "lines are on the tape, in order")
s.send(b"bye")
time.sleep(0.5)
EOT
python3 "$tmp/reader.py" "$socket" || fail "what is on the tape is not what was said"
wait_for 20 grep -q 'heard bye' "$tmp/out"
# The log has the rest; what was under way to it when its process was killed is all that it may miss.
[ "$(grep -cE '^[0-9]{7}$' "$dir/dom/1/driverd/c.log")" = "$(grep -E '^[0-9]{7}$' "$dir/dom/1/driverd/c.log" | sort -u | wc -l)" ] ||
	fail "the log has lines twice"
grep -q 'THE END' "$dir/dom/1/driverd/c.log" || fail "the log lacks the end"
xs write $be/online 0; xs write $be/state 5
! grep 'kept in memory\|not where an earlier backend left it' "$tmp/log" || fail "a tape was not taken over"
wait "$stack" || fail "the guest ended with $?"
[ "$(grep -cE 'backend [0-9]+ was killed|exited with status [1-9]|Sanitizer' "$tmp/log")" -le $((kills + 1)) ] || fail "more died than were killed"
touch "$tmp/good"

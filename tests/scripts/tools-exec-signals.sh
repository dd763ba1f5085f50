# SPDX-License-Identifier: MIT
# sluice exec and signals: the command decides what Ctrl-C means; SIGTERM is passed on.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v python3
requires_stack

start () { # SCRIPT: runs it in a guest in a process group of its own, as a terminal's job
	rm -f "$tmp/ready"
	python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setsid()
os.execv(sys.argv[1], sys.argv[1:])' "$sluice" exec -- sh -c "$1" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	wait_for 60 test -e "$tmp/ready"
}
status_of () { status=0; wait "$pid" || status=$?; }

start "trap 'echo caught; exit 9' INT; touch $tmp/ready; while :; do sleep 0.05; done"
kill -INT -- -"$pid"
status_of
[ $status = 9 ] || fail "status $status: a command that handles Ctrl-C was not let to: $(cat "$tmp/err")"
# Unlike a terminal's, a signal of kill's to the group is passed on, too, and may come twice.
[ "$(uniq "$tmp/out")" = caught ] || fail "$(cat "$tmp/out")"
assert_tidy

start "touch $tmp/ready; exec sleep 600"
kill -INT -- -"$pid"
status_of
[ $status = 130 ] || fail "status $status after Ctrl-C"
assert_tidy

start "trap 'exit 8' TERM; touch $tmp/ready; while :; do sleep 0.05; done"
kill -TERM "$pid"
status_of
[ $status = 8 ] || fail "status $status: SIGTERM was not passed on"
assert_tidy

start "touch $tmp/ready; exec sleep 600"
kill -KILL "$pid"
status_of
assert_tidy 10

start "trap '' TERM; touch $tmp/ready; while :; do sleep 0.05; done"
kill -TERM "$pid"
sleep 0.5
kill -0 "$pid" || fail "the first SIGTERM is the command's to ignore"
kill -TERM "$pid"
status_of
[ $status = 137 ] || fail "status $status: a second SIGTERM did not end a command that ignores it"
assert_tidy

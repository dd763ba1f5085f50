# SPDX-License-Identifier: MIT
# Ctrl-C ends a run with what it measured; SIGKILL without; neither leaves anything behind.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v python3
requires_stack
image "$tmp/a.img" 16

# A process started with & ignores SIGINT unless it asks for it: python gives it back.
start () {
	rm -f "$tmp/err"
	python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setsid()
os.execv(sys.argv[1], sys.argv[1:])' "$bench" blk --filename="$tmp/a.img" --rw=randrw --bs=4k --iodepth=16 \
		--runtime=600 --eta=always >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	wait_for 60 started "$tmp/err"
	# What is looked for afterwards can be seen now.
	[ "$(alive | wc -l)" -ge 5 ] || fail "the stack's processes are not seen: $(alive)"
}
start
kill -INT "$pid"
status=0
wait "$pid" || status=$?
[ $status = 130 ] || fail "status $status after SIGINT: $(cat "$tmp/err")"
grep -q "stopped early" "$tmp/out" || fail "no result after SIGINT: $(cat "$tmp/out")"
grep -q "read  *IOPS=" "$tmp/out" || fail "no rates after SIGINT: $(cat "$tmp/out")"
assert_tidy

# As a terminal does it: to the whole process group.
start
kill -INT -- -"$pid"
status=0
wait "$pid" || status=$?
[ $status = 130 ] || fail "status $status after the group's SIGINT: $(cat "$tmp/err")"
grep -q "stopped early" "$tmp/out" || fail "no result after the group's SIGINT"
assert_tidy

start
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
[ $status = 143 ] || fail "status $status after SIGTERM: $(cat "$tmp/err")"
assert_tidy

start
kill -KILL "$pid"
wait "$pid" 2>/dev/null || :
assert_tidy 10

# Early: while the stack comes up.
for pause in 0 0.02 0.05 0.1; do
	# Without our trap from its first moment: the shell that becomes it would take the signal, and forget it.
	trap - TERM
	"$bench" blk --filename="$tmp/a.img" --runtime=600 >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	trap 'exit 143' TERM
	sleep $pause
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ $status = 143 ] || fail "status $status after an early SIGTERM: $(cat "$tmp/err")"
	assert_tidy 5
done

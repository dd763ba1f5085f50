# SPDX-License-Identifier: MIT
# A backend that says Closed for the last time has closed its storage before.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/disk-functions.sh"
requires strace -o /dev/null true
# The leak sanitizer cannot work in a process that is traced.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
begin_store
image=$tmp/disk.img
truncate -s 8M "$image"
for driver in uring aio; do
	serve 51712 "$image" w 0 $driver
	rm -f "$tmp/trace"
	strace -f -y -s 200 -e trace=close,write,writev,sendto,sendmsg -o "$tmp/trace" -p "$served" 2>"$tmp/strace.err" &
	tracer=$!
	cleanup_fn eval "kill $tracer 2>/dev/null; wait $tracer 2>/dev/null || :"
	wait_for 60 grep -q attached "$tmp/strace.err"
	xenstore-write "$top/backend/vbd/7/51712/online" 0 "$top/backend/vbd/7/51712/state" 5
	wait "$served" || fail "$driver: ended with status $?: $(cat "$tmp/err.51712")"
	wait "$tracer" || :
	[ "$(xenstore-read "$top/backend/vbd/7/51712/state")" = 6 ] || fail "$driver: it is not Closed"
	close=$(grep -n "close(.*<$image>" "$tmp/trace" | tail -n 1 | cut -d: -f1)
	closed=$(grep -n '"6", 1)' "$tmp/trace" | tail -n 1 | cut -d: -f1)
	[ -n "$close" ] && [ -n "$closed" ] || fail "$driver: the trace lacks it: $(cat "$tmp/trace")"
	[ "$close" -lt "$closed" ] || fail "$driver: it said Closed first: $(sed -n "$closed,${close}p" "$tmp/trace")"
done

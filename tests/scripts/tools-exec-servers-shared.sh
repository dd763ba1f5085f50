#!/bin/bash
# SPDX-License-Identifier: MIT
# Disks of one server share a way to it, and those of another have their own. A server that is not
# there is said, and leaves nothing.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/tools-functions.sh"
source "$(dirname "$0")/storage-functions.sh"
[ -e "$builddir/backends/blk/.libs/blk-nbd.so" ] || skip "the nbd driver was not built"
requires nbdkit --dump-plugin memory
# serve NAME: a server, its port in $NAME.
serve () {
	local port
	port=$(storage_port)
	nbdkit -f -i 127.0.0.1 -p "$port" -P "$tmp/$1.pid" memory 8M 2>"$tmp/$1.err" &
	cleanup_fn eval "kill $! 2>/dev/null; wait $! 2>/dev/null || :"
	wait_for 20 test -s "$tmp/$1.pid"
	eval "$1=$port"
}
serve one
serve two
uri () { echo "nbd://127.0.0.1:$1/"; }
rm -f "$tmp/go"
timeout -k 5 120 "$sluice" exec --disk="$(uri "$one")" --disk="$(uri "$one"),ro" --disk="$(uri "$two"),ro" -- \
	sh -c "touch '$tmp/there'; until [ -e '$tmp/go' ]; do sleep 0.1; done" 2>"$tmp/err" &
run=$!
cleanup_fn eval "touch '$tmp/go'; kill $run 2>/dev/null; wait $run 2>/dev/null || :"
wait_for 90 test -e "$tmp/there"
relays () { pgrep -P "$(pgrep -P "$run")" -f '^sluice-relay .*--domain=storage '; }
[ "$(relays | wc -l)" = 2 ] || fail "$(relays | wc -l) relays"
for p in "$one" "$two"; do
	[ "$(pgrep -P "$(pgrep -P "$run")" -f "^sluice-relay .*--server=127.0.0.1:$p" | wc -l)" = 1 ] || fail "no relay to $p alone"
done
touch "$tmp/go"
wait "$run" || fail "$(cat "$tmp/err")"
# Nobody is there: the backend says so, and nothing is left.
gone=$(storage_port)
! timeout -k 5 120 "$sluice" exec --disk="$(uri "$gone")" -- true 2>"$tmp/err" || fail "a disk of nobody"
grep -q "server 127.0.0.1:$gone: Connection refused" "$tmp/err" || fail "$(cat "$tmp/err")"
[ -z "$(pgrep -f "^sluice-relay .*--server=127.0.0.1:($one|$two|$gone)")" ] || fail "a relay is left"

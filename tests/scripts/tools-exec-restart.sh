# SPDX-License-Identifier: MIT
# Parts of a stack that are killed come back: the store with all that it held, the driver
# domain with its domid and devices; not if it happens again and again.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v xenstore-ls
requires_stack
image "$tmp/a.img" 2

SLUICE_LOG=info "$sluice" exec --disk="$tmp/a.img,ro" -- sleep 300 2>"$tmp/log" &
pid=$!
cleanup_fn kill "$pid"
running () { [ -S "$(echo "$XDG_RUNTIME_DIR"/*/*/store.sock)" ]; }
wait_for 30 running
export XENSTORED_PATH=$(echo "$XDG_RUNTIME_DIR"/*/*/store.sock)
leaf=/local/domain/1/backend/vbd/2/51712
waits () { [ "$(xenstore-read $leaf/state 2>/dev/null)" = 2 ]; }
wait_for 30 waits

# child NAME: the pid of the stack's part whose command line has NAME.
child () {
	local p
	for p in $(pgrep -P "$pid"); do
		if grep -qF "$1" "/proc/$p/cmdline" 2>/dev/null; then echo "$p"; fi
	done
}
# replaced NAME OLD: another one is there.
replaced () { local now; now=$(child "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }

# Whatever only the toolstack writes tells whether the tree is the same one.
xenstore-write /tool/mark "of the first store"
before=$(xenstore-read /local/domain/2/device/vbd/51712/backend)
store=$(child sluice-store)
daemon=$(child sluice-driverd)
kill -KILL "$store"
wait_for 30 replaced sluice-store "$store"
wait_for 30 xenstore-exists /tool/mark
[ "$(xenstore-read /tool/mark)" = "of the first store" ] || fail "the mark is lost"
[ "$(xenstore-read /local/domain/2/device/vbd/51712/backend)" = "$before" ] || fail "the disk is lost"
grep -q 'sluice-store was ended by signal 9 (Killed); it is started again' "$tmp/log" ||
	fail "no word of it: $(cat "$tmp/log")"

# The daemon, its gate and their backend find the store again.
wait_for 30 grep -q 'sluice-driverd: the store is back' "$tmp/log"
wait_for 30 waits
[ "$(child sluice-driverd)" = "$daemon" ] || fail "the daemon was replaced"

# The domain's init, and with it all that ran there.
daemon=$(child sluice-driverd)
xenstore-write $leaf/state 1
kill -KILL "$daemon"
wait_for 30 replaced sluice-driverd "$daemon"
wait_for 30 waits
kill -0 "$pid" || fail "the stack ended: $(cat "$tmp/log")"

# A part that does not stay up is given up, and the user is told.
for i in 1 2 3 4 5 6; do
	daemon=$(child sluice-driverd)
	[ -n "$daemon" ] || break
	kill -KILL "$daemon"
	again () { replaced sluice-driverd "$daemon" || grep -q 'error: the storage domain' "$tmp/log"; }
	wait_for 30 again
done
grep -q 'error: the storage domain (sluice-driverd) was ended by signal 9 (Killed)' "$tmp/log" ||
	fail "it goes on for ever: $(cat "$tmp/log")"
kill "$pid"
wait "$pid" || :
assert_tidy 10

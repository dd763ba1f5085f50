#!/bin/bash
# SPDX-License-Identifier: MIT
# A disk with blocks of 4096 bytes takes no smaller requests.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
requires command -v xenstore-write
# A backend reads the node when it starts: the daemon replaces one that ended.
backend () {
	local p
	for p in /proc/[0-9]*; do
		[ "$(cat "$p/comm" 2>/dev/null)" = sluice-blk ] || continue
		ls -l "$p/fd" 2>/dev/null | grep -qF "$tmp/victim.img" && echo "${p#/proc/}"
	done
	return 0
}
replaced () { local now; now=$(backend); [ -n "$now" ] && [ "$now" != "$before" ]; }
large_blocks () {
	before=$(backend)
	[ -n "$before" ] || skip "the backend's descriptors cannot be seen here"
	xenstore-write "$victim/logical-block-size" 4096
	expected_deaths=1
	kill -KILL "$before"
	wait_for 30 replaced
	wait_for 30 sh -c "[ \"\$(xenstore-read $victim/state)\" = 2 ]"
}
run_hostile blocks "" large_blocks
logged "sectors that are no multiple of the logical block size"

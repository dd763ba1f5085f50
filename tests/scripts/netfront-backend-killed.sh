#!/bin/bash
# SPDX-License-Identifier: MIT
# Both guests' backends are killed in the midst of a transfer, again and again: it ends as if
# nothing had been, and pings go on.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/netfront-functions.sh"
requires command -v python3
kill_backends () {
	local i pids
	wait_for 60 test -e "$tmp/running"
	for i in 1 2 3; do
		sleep 1
		pids=$(backends)
		[ -n "$pids" ] || fail "no backend is there to be killed"
		# shellcheck disable=SC2086 # they are several
		kill -KILL $pids
		echo "killed: $pids"
		new_ones () { local now; now=$(backends); [ "$(wc -w <<<"$now")" = 2 ] && ! grep -qxF "$(head -n 1 <<<"$pids")" <<<"$now"; }
		wait_for 30 new_ones
	done
	touch "$tmp/killed"
}
meanwhile=kill_backends
two_guests ". '$tmp/lib'
	python3 '$tmp/transfer.py' listen 10.9.0.1 send 768
	until_file done" ". '$tmp/lib'
	pings 10.9.0.1
	say running
	python3 '$tmp/transfer.py' connect 10.9.0.1 receive 768
	until_file killed
	pings 10.9.0.1
	pings -s 1400 fd99::1
	say done"
[ "$(grep -c "^sha256.* $((768 << 20)) " "$tmp/log")" = 2 ] || fail "not all of it came"
[ "$(grep '^sha256' "$tmp/log" | awk '{ print $4 }' | sort -u | wc -l)" = 1 ] || fail "it is not what it was"

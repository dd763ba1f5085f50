#!/bin/bash
# SPDX-License-Identifier: MIT
# The storage domain as a whole is killed under a load that the guest checks: it comes back
# with its ports and journals, and the guest sees a pause, and nothing else.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/blk-survive-functions.sh"
# The processes of the guest's stack: below the one that limits its time.
domain () {
	local p
	for p in $(pgrep -P "$(pgrep -P "$guest")"); do
		if grep -qF sluice-driverd "/proc/$p/cmdline" 2>/dev/null; then echo "$p"; return 0; fi
	done
	return 1
}
daemon () { pgrep -P "$(pgrep -P "$(domain)")"; }
killed () {
	local old
	old=$("$1") || return 1
	[ -n "$old" ] && kill -9 "$old" || return 1
	echo "${EPOCHREALTIME/[.,]/}" >>"$tmp/kills"
}
truncate -s 8M "$tmp/disk"
start_guest "$tmp/disk" depth=32
count=0
for what in domain daemon domain backend domain; do
	sleep "0.$((RANDOM % 30 + 10))"
	if [ $what = backend ]; then wait_for 10 kill_backend; else wait_for 10 killed $what; fi
	wait_for 30 guest_resumed $((++count))
	# A request that three backends in a row die of is not repeated: it has the time to be done.
	sleep 1
done
end_guest
say_pauses "the whole domain"
! grep -q 'connect again' "$tmp/log" || fail "$(grep 'connect again' "$tmp/log")"
[ "$(grep -c 'it is started again$' "$tmp/log")" = 4 ] || fail "$(grep 'started again' "$tmp/log")"

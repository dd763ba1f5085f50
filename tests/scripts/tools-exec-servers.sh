#!/bin/bash
# SPDX-License-Identifier: MIT
# A disk on a server, of a guest that names no driver domain: the stack's own reaches that server, and
# does again when it was killed, or its way was; the way is gone with the disk.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/tools-functions.sh"
source "$(dirname "$0")/blk-survive-functions.sh"
source "$(dirname "$0")/storage-functions.sh"
use_storage iscsi
storage_requires
requires command -v nsenter
storage_start 8
# The processes of the guest's stack: below the one that limits its time.
stack () { pgrep -P "$guest"; }
domain () {
	local p
	for p in $(pgrep -P "$(stack)"); do
		if grep -qF sluice-driverd "/proc/$p/cmdline" 2>/dev/null; then echo "$p"; return 0; fi
	done
	return 1
}
daemon () { pgrep -P "$(pgrep -P "$(domain)")"; }
relay () { pgrep -P "$(stack)" -f '^sluice-relay .*--domain=storage '; }
killed () {
	local old
	old=$("$1") || return 1
	[ -n "$old" ] && kill -9 "$old" || return 1
	echo "${EPOCHREALTIME/[.,]/}" >>"$tmp/kills"
}
start_guest "$storage_uri" depth=32
wait_for 60 relay
[ "$(relay | wc -l)" = 1 ] || fail "several relays: $(relay)"
# Nothing but this server is there.
listening () { nsenter --preserve-credentials -U -n -t "$(daemon)" cat /proc/net/tcp | awk 'NR > 1 && $4 == "0A" { print $2 }'; }
[ "$(listening)" = "0100007F:$(printf %04X "$iscsi_port")" ] || fail "$(listening)"
count=0
for what in domain relay backend domain; do
	sleep "0.$((RANDOM % 30 + 10))"
	case $what in
	backend) wait_for 10 kill_backend ;;
	*) wait_for 10 killed $what ;;
	esac
	if [ $what = relay ]; then
		wait_for 60 grep -q '(sluice-relay) was ended' "$tmp/log"
	else
		wait_for 60 guest_resumed $((++count))
	fi
done
end_guest
say_pauses "the domain and its way"
grep -q '(sluice-relay) was ended by signal 9 (Killed); it is started again' "$tmp/log" || fail "$(cat "$tmp/log")"
[ -z "$(pgrep -f "^sluice-relay .*--server=127.0.0.1:$iscsi_port")" ] || fail "a relay is left"

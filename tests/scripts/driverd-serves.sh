#!/bin/bash
# SPDX-License-Identifier: MIT
# Devices that are there at the start and that come later get one backend each.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_devices vbd/2/51712 qdisk/2/51728
add_leaf vbd 3 51712
wait_for 10 state_is vbd/3/51712 2
for leaf in vbd/2/51712 qdisk/2/51728 vbd/3/51712; do
	[ "$(starts "$leaf")" = 1 ] || fail "$leaf was started $(starts "$leaf") times"
done
[ "$(children)" = 3 ] || fail "$(children) processes for 3 devices"

# The backend got what it was promised and nothing of the daemon's: 0 1 2, its READY,
# its lock, its metrics, its way to the store, and 255, bash's own for the script.
fds=$(tr '\n' ' ' <"$tmp/log/fds-backend-vbd-2-51712")
for fd in $fds; do case $fd in 0|1|2|3|4|6|7|255) ;; *) fail "it inherited $fd of $fds" ;; esac; done
journal=$(awk '/^backend\/vbd\/2\/51712 / { print $3 }' "$tmp/log/starts")
[ "$journal" = "$(realpath "$tmp/run")/vbd-2-51712.journal" ] || fail "journal: $journal"
wait_for 5 grep -q taken "$journal"
[ "$(stat -c %a "$journal")" = 600 ] || fail "the journal is open to others"
pid=$(backend_pid vbd/2/51712)
[ "$(cut -d' ' -f5 "/proc/$pid/stat")" = "$pid" ] || fail "it has no process group of its own"
# The daemon blocks these; SIGCHLD and SIGINT bash itself blocks for moments.
blocked=$(awk '/^SigBlk:/ { print $2 }' "/proc/$pid/status")
(( (0x$blocked & 0x4001) == 0 )) || fail "it began with SIGTERM or SIGHUP blocked: $blocked"

# A second daemon on the same run directory is refused.
if XENSTORED_PATH=$tmp/dom/1/store.sock "$driverd" --run-dir="$tmp/run" 2>"$tmp/second"; then
	fail "a second daemon ran"
fi
grep -q 'another sluice-driverd' "$tmp/second" || fail "$(cat "$tmp/second")"

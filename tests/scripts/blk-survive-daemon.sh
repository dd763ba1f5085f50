#!/bin/bash
# SPDX-License-Identifier: MIT
# The backend is killed together with its daemon, or once more while its successor begins: the
# guest's load goes on.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/blk-survive-functions.sh"
truncate -s 8M "$tmp/disk"
start_guest "$tmp/disk" depth=32
for n in 1 2 3; do
	sleep "0.$((RANDOM % 30 + 10))"
	daemon=$(process_below "$guest" sluice-driverd)
	backend=$(backend_below "$guest")
	case $n in
	2) kill -9 "$backend" "$daemon" ;;
	*) kill -9 "$daemon" "$backend" ;;
	esac
	wait_for 30 guest_resumed $n
done
# A successor that dies as soon as it is there, however far it is; those that die young wait longer.
for n in 1 2 3; do
	sleep 0.5
	wait_for 30 backend_below "$guest"
	backend=$(backend_below "$guest")
	kill -9 "$backend"
	is_another () { now=$(backend_below "$guest") && [ "$now" != "$backend" ]; }
	wait_for 30 is_another
	# Counted before: a busy machine lets the next one be quicker than this script.
	begun=$(took_over)
	kill -9 "$now" 2>/dev/null || true
	wait_for 30 guest_resumed $((begun + 1))
done
end_guest
grep 'connect again' "$tmp/log" && fail "the guest had to connect again"
exit 0

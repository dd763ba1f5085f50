#!/bin/bash
# SPDX-License-Identifier: MIT
# The store is killed under a load that the guest checks: no backend ends, and no I/O waits for
# it. The gate between them is killed: the backend is replaced, and the guest sees a pause.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/blk-survive-functions.sh"
truncate -s 8M "$tmp/disk"
start_guest "$tmp/disk" depth=32
backend=$(backend_below "$guest")
gate=$(process_below "$guest" sluice-store-ga)
for ((i = 1; i <= ${SLUICE_KILLS:-3}; i++)); do
	sleep "0.$((RANDOM % 30 + 10))"
	store=$(process_below "$guest" sluice-store)
	kill -KILL "$store"
	back () { [ "$(grep -c 'sluice-store-gate: the store is back' "$tmp/log")" -ge "$i" ]; }
	wait_for 20 back
done
[ "$(backend_below "$guest")" = "$backend" ] || fail "the backend ended with its store"
[ "$(process_below "$guest" sluice-store-ga)" = "$gate" ] || fail "the gate ended with its store"
end_guest
grep -q 'took over' "$tmp/log" && fail "a backend was replaced"

start_guest "$tmp/disk" depth=32
for ((i = 1; i <= 3; i++)); do
	gate=$(process_below "$guest" sluice-store-ga)
	kill -KILL "$gate"
	wait_for 30 guest_resumed "$i"
	another () { local pid; pid=$(process_below "$guest" sluice-store-ga) && [ "$pid" != "$gate" ]; }
	wait_for 20 another
done
end_guest

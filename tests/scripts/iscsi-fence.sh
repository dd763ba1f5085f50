#!/bin/bash
# SPDX-License-Identifier: MIT
# A backend is killed while its target is still busy with its writes, and slow: what the guest writes afterwards
# stays. tgtd answers the login of the successor before the old writes are in their file; the successor
# waits for them all the same.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/storage-functions.sh"
source "$srcdir/tests/scripts/blk-survive-functions.sh"
use_storage iscsi
storage_requires
slow=$builddir/tests/peers/.libs/slow-writes.so
requires test -e "$slow"
SLUICE_TGTD_PRELOAD=$slow
export SLOW_WRITES=$tmp/slow
# So small that each block is written several times while old writes are on their way.
storage_start 1
# Fewer than tgtd has threads: new writes find free ones beside the slow ones.
start_guest "$storage_uri&timeout=30" depth=4 kib=4
for round in 1 2; do
	sleep 0.3
	touch "$tmp/slow"
	sleep 0.2
	rm "$tmp/slow"
	kill_backend || break # the guest has ended: end_guest says why
	wait_for 120 guest_resumed "$round"
	sleep 2.5
done
end_guest
! grep 'connect again' "$tmp/log" || fail "it was not gone on with"

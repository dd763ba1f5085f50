#!/bin/bash
# SPDX-License-Identifier: MIT
# With the real backend: it has a restricted connection of its own; when it is killed its
# successor goes on, and the guest's load ends as if nothing had happened.
source "$(dirname "$0")/functions.sh"
bench=$builddir/tools/sluice-bench
for program in "$bench" "$builddir/backends/blk/sluice-blk" "$builddir/hypervisor/sluice-hypervisor"; do
	requires test -x "$program"
done
truncate -s 16M "$tmp/disk"
# The process that has our disk open for the guest.
find_backend () {
	local p
	for p in $(pgrep -x sluice-blk); do
		if ls -l "/proc/$p/fd" 2>/dev/null | grep -q -F "$tmp/disk"; then backend=$p; return 0; fi
	done
	return 1
}
SLUICE_LOG=info "$bench" blk --filename="$tmp/disk" --rw=randread --bs=4k --iodepth=32 --runtime=6 \
	--eta=never >"$tmp/out" 2>&1 &
bench_pid=$!
cleanup_fn sh -c "kill $bench_pid 2>/dev/null"
wait_for 30 grep -q 'connected: domain' "$tmp/out"
find_backend || fail "no backend has the disk open: $(cat "$tmp/out")"
tr '\0' '\n' <"/proc/$backend/environ" >"$tmp/environ"
grep -qx 'SLUICE_HYPERVISOR=fd:5' "$tmp/environ" || fail "its connection is $(grep SLUICE_HYP "$tmp/environ")"
readlink "/proc/$backend/fd/5" | grep -q '^socket:' || fail "descriptor 5 is $(readlink "/proc/$backend/fd/5")"
readlink "/proc/$backend/fd/4" | grep -q 'vbd-2-51712.lock' || fail "it does not hold its lock"

kill -9 "$backend"
wait_for 20 grep -q 'took over [0-9]* request' "$tmp/out"
grep -q 'the backend was killed by signal 9 (Killed); it is started again' "$tmp/out" ||
	fail "no word of the crash: $(cat "$tmp/out")"
status=0
wait "$bench_pid" || status=$?
[ "$status" = 0 ] || fail "the guest's load ended with $status: $(cat "$tmp/out")"
grep -q 'connect again' "$tmp/out" && fail "the guest had to connect again: $(cat "$tmp/out")"
exit 0

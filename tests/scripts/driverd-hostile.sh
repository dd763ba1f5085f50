#!/bin/bash
# SPDX-License-Identifier: MIT
# Names, kinds and values that are none start nothing and disturb nobody.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
start_driverd
b=$dd/backend
for leaf in vbd/2/007 vbd/2/-1 vbd/2/1x vbd/2/0x10 vbd/2/4294967296 vbd/02/1 vbd/40000/1 \
	vbd/x/1 vbd/2/@ VBD/2/1 vbd-2/1/1 vbdvbdvbdvbdvbdvbd/2/1; do
	xs write "$b/$leaf/frontend-id" 2 "$b/$leaf/online" 1 "$b/$leaf/state" 1 || fail "the store refused $leaf"
done
# Kinds that are not served: named once, however many there are.
for i in 1 2 3; do add_leaf vkbd 2 $i; add_leaf vfb 2 $i; done
# Right names with wrong content.
long=$(head -c 2000 /dev/zero | tr '\0' 1)
add_leaf vbd 2 10 frontend-id 3
add_leaf vbd 2 11 frontend-id "$long"
add_leaf vbd 2 12 frontend-id ""
add_leaf vbd 2 13 frontend-id 2x
add_leaf vbd 2 14; xs write "$b/vbd/2/14/state" "$long"
for s in 0 7 8 9 "+1" " 1" abc ""; do xs write "$b/vbd/3/1$RANDOM/state" "$s"; done
xs write "$b/vbd/2/15" nonsense "$b/vbd/2/16/state/deep/er" 1
xs write "$b/vbd/2/17/frontend-id" "$(head -c 100000 /dev/zero | tr '\0' 1)" 2>/dev/null || true
# .. and one of the best kind, last: whatever came before has been seen when it is served.
add_leaf vbd 2 20
wait_for 10 state_is vbd/2/20 2
sleep 0.5
n=$(grep -vc -e '^backend/vbd/2/20 ' -e '^backend/vbd/2/14 ' "$tmp/log/starts" || true)
[ "$n" = 0 ] || fail "started: $(cat "$tmp/log/starts")"
[ "$(starts vbd/2/20)" = 1 ] || fail "vbd/2/20 was started $(starts vbd/2/20) times"
[ "$(grep -c 'kind vkbd are not served' "$tmp/log/driverd")" = 1 ] || fail "vkbd was not named once"
logged 'is no name of a' || fail "hostile names were not logged"
kill -0 "$driverd_pid" || fail "the daemon has ended"
# The same names at the start of a daemon.
kill -TERM "$driverd_pid"; wait "$driverd_pid"
: >"$tmp/log/starts"
start_driverd
wait_for 10 started_times vbd/2/20 1
sleep 0.5
# 14 may have been seen before its state became nonsense: then its backend made it sound again.
n=$(grep -vc -e '^backend/vbd/2/20 ' -e '^backend/vbd/2/14 ' "$tmp/log/starts" || true)
[ "$n" = 0 ] || fail "the scan started: $(cat "$tmp/log/starts")"

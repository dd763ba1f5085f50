#!/bin/bash
# SPDX-License-Identifier: MIT
# Thousands of devices, real and not, cost no more memory and processes than the daemon was told to have.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
start_driverd --max-backends=4
rss () { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$driverd_pid/status"; }
add_leaf vbd 2 1
wait_for 10 state_is vbd/2/1 2
before=$(rss)
# many KIND FIRST LAST: devices as a toolstack writes them, many per message.
many () {
	local i args=()
	for ((i = $2; i <= $3; i++)); do
		local leaf=$dd/backend/$1/2/$i
		args+=("$leaf/frontend" "/local/domain/2/device/$1/$i" "$leaf/frontend-id" 2 "$leaf/online" 1 "$leaf/state" 1)
		[ ${#args[@]} -lt 800 ] || { xs write "${args[@]}"; args=(); }
	done
	[ ${#args[@]} = 0 ] || xs write "${args[@]}"
}
# What is made below takes its rights from there, as it does where libxl makes it.
xs chmod "$dd/backend/vbd/2" n1 r2
many vbd 1000 3000
# Half a device each, and of a kind that is not served.
junk=()
for i in $(seq 2000); do junk+=("$dd/backend/qdisk/3/$i/junk" 1 "$dd/backend/nonsense/3/$i/state" 1); done
printf '%s\n' "${junk[@]}" | XENSTORED_PATH=$tmp/store.sock xargs -n 400 xenstore-write
wait_for 20 logged 'raise --max-backends'
four () { [ "$(children)" = 4 ]; }
wait_for 20 four
# It still sees what becomes of its own.
served=$(sed -n 's,^backend/vbd/2/\([0-9]*\) .*,\1,p' "$tmp/log/starts" | sort -nu)
[ "$(wc -w <<<"$served")" = 4 ] || fail "served: $served"
xs write "$dd/backend/vbd/2/1/online" 0 "$dd/backend/vbd/2/1/state" 5
wait_for 20 leaf_gone vbd/2/1
wait_for 20 four
pids=$(pgrep -P "$driverd_pid" -c)
[ "$pids" -le 5 ] || fail "$pids processes"
after=$(rss)
echo "resident: $before KiB before, $after KiB after"
# A sanitizer keeps what was freed.
grep -q libasan "/proc/$driverd_pid/maps" || [ $((after - before)) -le 16384 ] || fail "it grew by $((after - before)) KiB"
[ "$(wc -l <"$tmp/log/driverd")" -le 100 ] || fail "the log was flooded: $(wc -l <"$tmp/log/driverd") lines"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Devices with scripts that come and go as fast as they can: no script runs twice at a time, none is left.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
make_script block-mine
make_script vif-mine
# Two at a time for one device would meet here.
for s in block-mine vif-mine; do
	sed -i '2i f='"$tmp"'/log/now-${XENBUS_PATH//\\//-}; if old=$(cat "$f" 2>/dev/null) \&\& kill -0 "$old" 2>/dev/null; then echo "$XENBUS_PATH $old" >>'"$tmp"'/log/twice; fi; echo $$ >"$f"' "$tmp/scripts/$s"
done
# Whenever it is made, the driver domain may write to it.
for k in vbd vif; do xs write "$dd/backend/$k/2" ""; xs chmod "$dd/backend/$k/2" n1 r2; done
start_driverd
for i in $(seq 12); do
	# Nodes that the daemon removes meanwhile are no mistake of the test.
	add_leaf vbd 2 1 script "$tmp/scripts/block-mine" 2>/dev/null || true
	add_leaf vif 2 0 script "$tmp/scripts/vif-mine" 2>/dev/null || true
	args=()
	for s in 2 3 4 5 6 1; do args+=("$dd/backend/vbd/2/1/state" $s "$dd/backend/vif/2/0/state" $s); done
	xs write "${args[@]}" "${args[@]}"
	case $((i % 3)) in
	0) xs rm "$dd/backend/vbd/2/1"; xs rm "$dd/backend/vif/2/0" ;;
	1) xs write "$dd/backend/vbd/2/1/online" 0 "$dd/backend/vif/2/0/online" 0 "$dd/backend/vbd/2/1/state" 5 "$dd/backend/vif/2/0/state" 5 ;;
	2) xs write "$dd/backend/vbd/2/1/script" "$tmp/scripts/none" "$dd/backend/vif/2/0/script" /bin/sh ;;
	esac
	sleep 0.$((i % 4))
done
# Whole devices again: what is none is nobody's to remove.
add_leaf vbd 2 1 script "$tmp/scripts/block-mine" 2>/dev/null || true
add_leaf vif 2 0 script "$tmp/scripts/vif-mine" 2>/dev/null || true
for l in vbd/2/1 vif/2/0; do xs write "$dd/backend/$l/online" 0 "$dd/backend/$l/state" 5; done
wait_for 30 leaf_gone vbd/2/1
wait_for 30 leaf_gone vif/2/0
none () { ! ls "$tmp/run"/*.script >/dev/null 2>&1; }
wait_for 20 none
wait_for 20 no_children
[ ! -e "$tmp/log/twice" ] || fail "two scripts of one device at a time: $(sort "$tmp/log/twice" | uniq -c)"
# What was set up was taken down.
ups=$(grep -c ' add \| online ' "$tmp/log/scripts"); downs=$(grep -c ' remove \| offline ' "$tmp/log/scripts")
echo "$ups set up, $downs taken down"
[ "$downs" -ge 1 ] && [ "$ups" -le 200 ] || fail "$ups set up, $downs taken down"
# By the time that one would have run, its device may have gone.
for k in block-mine vif-mine; do
	last=$(grep "^$k" "$tmp/log/scripts" | tail -n 1)
	case $last in '' | *' remove '* | *' offline '*) ;; *) fail "the last call was $last" ;; esac
done

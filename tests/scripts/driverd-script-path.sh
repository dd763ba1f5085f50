#!/bin/bash
# SPDX-License-Identifier: MIT
# Only what lies in the directory of scripts and nobody else can change is run.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
make_script good
start_driverd
cp "$tmp/scripts/good" "$tmp/outside"
cp "$tmp/scripts/good" "$tmp/scripts/writable"; chmod 777 "$tmp/scripts/writable"
cp "$tmp/scripts/good" "$tmp/scripts/plain"; chmod 644 "$tmp/scripts/plain"
cp "$tmp/scripts/good" "$tmp/scripts/.hidden"
ln -s "$tmp/outside" "$tmp/scripts/link"
mkdir "$tmp/scripts/directory"
cp "$tmp/scripts/good" "$tmp/scripts/directory/deep"
i=0
for script in "$tmp/outside" "$tmp/scripts/../outside" "$tmp/scripts/writable" "$tmp/scripts/plain" "$tmp/scripts/.hidden" \
	"$tmp/scripts/link" "$tmp/scripts/directory" "$tmp/scripts/directory/deep" "$tmp/scripts/" "$tmp/scripts" \
	"$tmp/scripts/missing" "$tmp/scripts/good;touch x" good ./good "$tmp//scripts/good" /bin/sh; do
	i=$((i + 1))
	add_leaf vbd 2 $i script "$script"
	add_leaf vif 2 $i script "$script"
	wait_for 10 status_is vbd/2/$i error
	wait_for 10 status_is vif/2/$i error
	[ "$(starts vbd/2/$i)" = 0 ] || fail "$script: the backend was started"
done
[ -z "$(script_calls)" ] || fail "run: $(script_calls)"
xs read "$dd/error/backend/vbd/2/3/error" | grep -q 'others may change' || fail "the reason is not told"
add_leaf vbd 2 99 script "$tmp/scripts/good"
wait_for 10 state_is vbd/2/99 2
# A directory that others may change vouches for nothing.
chmod 777 "$tmp/scripts"
add_leaf vbd 2 100 script "$tmp/scripts/good"
wait_for 10 status_is vbd/2/100 error
chmod 755 "$tmp/scripts"
[ "$(children)" = 1 ] || fail "$(children) backends"

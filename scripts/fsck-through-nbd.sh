#!/bin/bash
# SPDX-License-Identifier: MIT
# In a guest domain: show its PV disk as a file (nbdkit, nbdfuse) and run e2fsck on it.
set -eu
dir=$(mktemp -d)
: >"$dir/disk"
pid=
cleanup () {
	fusermount3 -u "$dir/disk" 2>/dev/null || umount "$dir/disk" 2>/dev/null || true
	[ -z "$pid" ] || wait "$pid" || true
	rm -f "$dir/disk"
	rmdir "$dir"
}
trap cleanup EXIT
nbdfuse -P "$dir/pid" "$dir/disk" --command nbdkit -s "$SLUICE_NBDKIT_PLUGIN" &
pid=$!
for _ in $(seq 200); do
	[ ! -e "$dir/pid" ] || break
	kill -0 "$pid" 2>/dev/null || { echo "nbdfuse ended early" >&2; exit 1; }
	sleep 0.05
done
rm -f "$dir/pid"
e2fsck -f -n "$dir/disk"

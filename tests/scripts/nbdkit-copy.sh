#!/bin/bash
# SPDX-License-Identifier: MIT
# A disk copied out and in through the plugin, with each way to move data.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/nbdkit-functions.sh"
requires nbdcopy --version
head -c $((40000000 / 512 * 512)) /dev/urandom >"$tmp/in.img"
for parameters in "" "segments=11" "persistent=false" "ring-order=2 segments=32" \
		"persistent=false segments=8" "queues=4" "queues=2 ring-order=1 segments=32"; do
	echo "parameters: $parameters"
	rm -f "$tmp/out.img" "$tmp/new.img"
	# shellcheck disable=SC2086
	serve "$tmp/in.img" "nbdcopy \"\$uri\" $tmp/out.img" $parameters
	cmp "$tmp/in.img" "$tmp/out.img" || fail "the copy out differs ($parameters)"
	truncate -s "$(stat -c %s "$tmp/in.img")" "$tmp/new.img"
	# shellcheck disable=SC2086
	serve "$tmp/new.img" "nbdcopy --flush $tmp/in.img \"\$uri\"" $parameters
	cmp "$tmp/in.img" "$tmp/new.img" || fail "the copy in differs ($parameters)"
done

#!/bin/bash
# SPDX-License-Identifier: MIT
# Segments and checksums that we make are those that the kernel makes of the same frames.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
command -v ip >/dev/null || skip "no ip (iproute2)"
unshare -Urn true 2>/dev/null || skip "no user and network namespaces here"
unshare -Urn bash -c 'ip link add from type veth peer name to' 2>/dev/null ||
	skip "the kernel makes no pairs of interfaces (veth) here"
unshare -Urn bash -c '
	set -e
	ip link add from type veth peer name to
	ip link set from up; ip link set to up
	exec "$0" from to' "$builddir/tests/peers/net-kernel-segments" >"$tmp/out" 2>"$tmp/err" ||
	fail "$(cat "$tmp/out" "$tmp/err")"
[ "$(wc -l <"$tmp/out")" = 14 ] || fail "not all frames were compared: $(cat "$tmp/out")"

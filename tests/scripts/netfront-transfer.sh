#!/bin/bash
# SPDX-License-Identifier: MIT
# A gibibyte goes from one guest domain to the other, and comes back, as it was.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/netfront-functions.sh"
requires command -v python3
mib=${SLUICE_TRANSFER_MIB:-1024}
two_guests "python3 '$tmp/transfer.py' listen 10.9.0.1 send $mib
	python3 '$tmp/transfer.py' listen fd99::1 receive $((mib / 8))" \
	"python3 '$tmp/transfer.py' connect 10.9.0.1 receive $mib
	python3 '$tmp/transfer.py' connect fd99::1 send $((mib / 8))"
[ "$(grep '^sha256' "$tmp/log" | grep -c " $((mib << 20)) ")" = 2 ] || fail "not all of it came"
[ "$(grep '^sha256' "$tmp/log" | awk '{ print $4 }' | sort -u | wc -l)" = 2 ] || fail "it is not what it was"

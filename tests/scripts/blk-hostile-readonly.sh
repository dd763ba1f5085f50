#!/bin/bash
# SPDX-License-Identifier: MIT
# Nothing changes a read-only disk (CVE-2013-2140 for discard).
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
head -c 16M /dev/urandom >"$tmp/victim.img"
before=$(sha256sum <"$tmp/victim.img")
run_hostile readonly ,ro
[ "$(sha256sum <"$tmp/victim.img")" = "$before" ] || fail "the read-only image changed"
logged "a change to a read-only disk"

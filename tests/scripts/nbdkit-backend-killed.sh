#!/bin/bash
# SPDX-License-Identifier: MIT
# The backend is killed while a client reads: its successor goes on, the client notices nothing.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/nbdkit-functions.sh"
requires nbdcopy --version
not_sanitized || skip "nbdkit with a sanitizer does not end after errors"
truncate -s 64M "$tmp/disk.img"
serve "$tmp/disk.img" "for i in 1 2 3 4 5 6 7 8; do
	nbdcopy \"\$uri\" null: 2>>$tmp/err || touch $tmp/failed; touch $tmp/started; sleep 0.2; done" 2>"$tmp/log" &
pid=$!
wait_for 30 test -e "$tmp/started"
backend=$(descendant $pid sluice-blk) || fail "no backend below $pid"
kill -KILL "$backend"
wait $pid || { cat "$tmp/log"; fail "nbdkit ended with $?"; }
cat "$tmp/err" "$tmp/log"
[ ! -e "$tmp/failed" ] || fail "a client got an error"
grep -q 'killed by signal 9' "$tmp/log" || fail "the backend was not killed"

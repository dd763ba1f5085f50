#!/bin/bash
# SPDX-License-Identifier: MIT
# The backend is killed while a client reads: the client gets an error, nothing hangs.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/nbdkit-functions.sh"
requires nbdcopy --version
not_sanitized || skip "nbdkit with a sanitizer does not end after errors"
truncate -s 64M "$tmp/disk.img"
serve "$tmp/disk.img" "while nbdcopy \"\$uri\" null: 2>$tmp/err; do touch $tmp/started; done
	timeout 20 nbdcopy \"\$uri\" null: 2>/dev/null; echo \$? >$tmp/again" 2>"$tmp/log" &
pid=$!
wait_for 30 test -e "$tmp/started"
backend=$(descendant $pid sluice-blk) || fail "no backend below $pid"
kill -KILL "$backend"
wait $pid || { cat "$tmp/log"; fail "nbdkit ended with $?"; }
cat "$tmp/err" "$tmp/log"
[ "$(cat "$tmp/again")" = 1 ] || fail "a later read ended with $(cat "$tmp/again")"

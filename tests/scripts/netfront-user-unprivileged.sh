#!/bin/bash
# SPDX-License-Identifier: MIT
# The user-mode network needs no privilege: as nobody, its driver domain is made, the backend waits for its guest and
# the forwarded port is listened on. What nobody may not do, a bridge of the host, is said.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
[ "$(id -u)" = 0 ] || skip "runs as an ordinary user anyway"
stack=$builddir/tests/peers/net-stack
requires setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$stack"
export XDG_RUNTIME_DIR=$tmp/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
chmod 755 "$tmp"
chown 65534:65534 "$XDG_RUNTIME_DIR"
as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
port=$((20000 + $$ % 20000))
$as_nobody timeout -k 5 120 "$stack" --vif="guest=0,attach=user,forward=tcp:$port-22" --guest='exec sleep 60' >"$tmp/log" 2>&1 &
job=$!
cleanup_fn eval "kill $job 2>/dev/null; wait $job 2>/dev/null || :"
# Its owner is the eighth word.
owner () { awk -v a="0100007F:$(printf %04X "$port")" '$2 == a { print $8; exit }' /proc/net/tcp; }
ready_or_ended () { [ -n "$(owner)" ] || ! kill -0 $job 2>/dev/null; }
wait_for 60 ready_or_ended
! grep -q 'built without libslirp' "$tmp/log" || skip "no libslirp"
[ "$(owner)" = 65534 ] || fail "the port is owned by \"$(owner)\": $(cat "$tmp/log")"
kill $job
wait $job 2>/dev/null || :

if $as_nobody timeout -k 5 60 "$stack" --vif=guest=0,bridge=nosuch0 --guest=true >"$tmp/log" 2>&1; then
	fail "a bridge of the host's, as nobody"
fi
grep -qE 'the host has no bridge nosuch0|cannot be confined|/dev/net/tun' "$tmp/log" || fail "$(cat "$tmp/log")"
wait_for 30 eval '[ -z "$(ls -A "$XDG_RUNTIME_DIR")" ]'

#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-domain-init: exit statuses, signals, and an end that leaves nothing behind.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
init=$builddir/hypervisor/process/sluice-domain-init
run=$tmp/run
mkdir -p "$run/dom/1"
args=(--run-dir="$run" --domain-dir="$run/dom/1")

status_of () { local status=0; "$@" 2> "$tmp/err" || status=$?; echo "$status"; }
gone () { ! kill -0 "$1" 2> /dev/null; }

[ "$(status_of "$init" "${args[@]}" -- sh -c 'exit 7')" = 7 ] || fail "an exit status was lost"
[ "$(status_of "$init" "${args[@]}" -- sh -c 'kill -9 $$')" = 137 ] || fail "a signal's status was lost"
[ "$(status_of "$init" "${args[@]}" -- "$tmp/none")" = 127 ] || fail "a command that is not there"
grep -q "$tmp/none" "$tmp/err" || fail "the command that is not there is not named"
[ "$(status_of "$init" "${args[@]}" --env=A=b -- sh -c 'test "$A" = b')" = 0 ] || fail "--env was lost"
[ "$(status_of "$init" "${args[@]}" --env=A -- true)" = 1 ] || fail "--env=A was taken"
[ "$(status_of "$init" --run-dir="$run" --domain-dir="$tmp" -- true)" = 1 ] || fail "a directory outside was taken"
[ "$(status_of "$init" "${args[@]}")" = 1 ] || fail "no command was taken"

# SIGTERM reaches the command, which decides about the status.
"$init" "${args[@]}" -- bash -c 'trap "exit 42" TERM; : > '"$run"'/dom/1/ready; while :; do sleep 0.05; done' &
pid=$!
wait_for 10 test -e "$run/dom/1/ready"
kill -TERM "$pid"
status=0; wait "$pid" || status=$?
[ "$status" = 42 ] || fail "SIGTERM gave $status"

"$init" "${args[@]}" -- true 2> "$tmp/err"
! grep -q "not isolated" "$tmp/err" || skip "what ends with the command: $(cat "$tmp/err")"

# A lock that is held as long as anything of the domain lives.
survivors () { ! flock -n "$tmp/lock" true; }
hold='exec 9> '"$tmp"'/lock; flock 9; : > '"$run"'/dom/1/held; setsid sleep 1000 & sleep 1000'

rm -f "$run/dom/1/held"
"$init" "${args[@]}" -- bash -c "$hold" 2> /dev/null &
pid=$!
wait_for 10 test -e "$run/dom/1/held"
survivors || fail "the lock is not held: the test is wrong"
kill -9 "$pid"
wait_for 10 flock -n "$tmp/lock" true

# The toolstack dies: so does the domain.
rm -f "$run/dom/1/held"
bash -c '"$@" 2> /dev/null & echo $! > '"$tmp"'/pid; exec sleep 1000' - "$init" "${args[@]}" -- bash -c "$hold" &
parent=$!
wait_for 10 test -e "$run/dom/1/held"
kill -9 "$parent"
wait_for 10 flock -n "$tmp/lock" true
wait_for 10 gone "$(cat "$tmp/pid")"

#!/bin/bash
# SPDX-License-Identifier: MIT
# The format server is killed. With nothing unflushed its disk goes on, else it fails and says so;
# a backend that comes after that is not let near the image.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/format-functions.sh"
qemu-img create -q -f qcow2 "$tmp/a.qcow2" 16M

serve "qcow2:$tmp/a.qcow2" flushed flush=1 expect="$tmp/expect" go="$tmp/go"
says '^acknowledged'
sleep 1.2 # it is not one that dies at once
old=$(format_server) || fail "no format server runs"
kill -KILL "$old"
says "its format server was killed by signal 9"
wait_for 30 eval '[ "$(format_server)" != "$old" ] && format_server'
touch "$tmp/go"
served
grep -q 'connected again' "$tmp/log" || { cat "$tmp/log"; fail "the backend did not connect again"; }

rm -f "$tmp/go"
serve "qcow2:$tmp/a.qcow2" flushed flush=0 expect="$tmp/expect" go="$tmp/go"
says '^acknowledged'
sleep 1.2
kill -KILL "$(format_server)"
says "done and not flushed"
touch "$tmp/go"
served 1
grep -q 'all requests of this disk fail until it is attached anew' "$tmp/log" || { cat "$tmp/log"; fail "no reason is given"; }

rm -f "$tmp/go" "$tmp/stop"
serve "qcow2:$tmp/a.qcow2" flushed flush=1 expect="$tmp/expect" go="$tmp/go"
says '^acknowledged'
sleep 1.2
kill -KILL "$(format_server)"
says "format server [0-9]+ is ready"
wait_for 30 format_server
backend=$(backend_below "$guest") || fail "no backend"
kill -KILL "$backend"
says "may be lost; check the image"
kill "$guest" && wait "$guest" || :

# Both, and the daemon hears of the server first.
rm -f "$tmp/go" "$tmp/stop"
serve "qcow2:$tmp/a.qcow2" flushed flush=0 expect="$tmp/expect" go="$tmp/go"
says '^acknowledged'
sleep 1.2
daemon=$(process_below "$guest" sluice-driverd) || fail "no daemon"
backend=$(backend_below "$guest") || fail "no backend"
server=$(format_server) || fail "no format server runs"
# All its threads: only then it is its parent's.
ended () { ! cat "/proc/$1/task/"*/status 2>/dev/null | grep -qE '^State:[[:space:]]+[RSDTtI]'; }
kill -STOP "$daemon"
cleanup_fn eval "kill -CONT $daemon 2>/dev/null || :"
kill -KILL "$server" "$backend"
wait_for 20 ended "$server"
wait_for 20 ended "$backend"
kill -CONT "$daemon"
says "may be lost; check the image"
! grep -q 'took over' "$tmp/log" || { cat "$tmp/log"; fail "a new backend went on with the image"; }
kill "$guest" && wait "$guest" || :

# SPDX-License-Identifier: MIT
# Guests of sluice create share a stack that starts with the first and ends with the last.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
image "$tmp/d.img" 1
config "$tmp/alpha.cfg" 'extra="disk obey"' "disk=[ '$tmp/d.img,raw,xvda,rw' ]"
config "$tmp/beta.cfg" 'extra="obey"' 'vcpus=2' 'uuid="01234567-89ab-cdef-0123-456789abcdef"'
[ "$("$sluice" create "$tmp/alpha.cfg")" = "alpha is domain 2" ] || fail "$("$sluice" list)"
is_state alpha running || fail "it does not run when create returns: $("$sluice" list)"
# Two at the same time
"$sluice" create -q "$tmp/beta.cfg" &
"$sluice" create -q -p "$tmp/beta.cfg" 'name="gamma"' 'uuid="11234567-89ab-cdef-0123-456789abcdef"'
wait $!
[ "$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.* | wc -l)" = 1 ] || fail "more than one stack"
is_state beta running || fail "$("$sluice" list)"
is_state gamma paused || fail "$("$sluice" list)"
"$sluice" unpause gamma
is_state gamma running || fail "$("$sluice" list)"
"$sluice" list -l beta >"$tmp/json"
says "$tmp/json" '"uuid": "01234567-89ab-cdef-0123-456789abcdef", "type": "pvh", "memory_mib": 32, "vcpus": 2, "state": "running"' ||
	fail "$(cat "$tmp/json")"
[ "$("$sluice" list alpha | wc -l)" = 2 ] || fail "$("$sluice" list alpha)"
! "$sluice" list delta 2>"$tmp/err" || fail "there is no delta"
! "$sluice" create "$tmp/beta.cfg" 2>"$tmp/err" || fail "one of that name is there"
says "$tmp/err" 'there is a domain beta already' || fail "$(cat "$tmp/err")"

# What it said before anybody came; by its number, too.
"$sluice" create -c "$tmp/alpha.cfg" 'name="delta"' 'extra="flood obey"' 'disk=[ ]' </dev/null >"$tmp/console" &
client=$!
wait_for 60 says "$tmp/console" flooded
kill $client
"$sluice" destroy "$(domid delta)"
[ -z "$(state delta)" ] || fail "$("$sluice" list)"

# A failure is the creator's to know, and nobody else's.
! "$sluice" create "$tmp/beta.cfg" 'name="bad"' "kernel=\"$tmp/d.img\"" 'uuid="21234567-89ab-cdef-0123-456789abcdef"' 2>"$tmp/err" ||
	fail "noise is booted"
says "$tmp/err" "$tmp/d.img" || fail "$(cat "$tmp/err")"
! "$sluice" create "$tmp/beta.cfg" 'name="bad"' 'disk=[ "/x,raw,xvda,rw,backend=nobody" ]' 2>"$tmp/err" || fail "a backend that is none"
says "$tmp/err" 'there is no driver domain nobody in this stack' || fail "$(cat "$tmp/err")"
[ "$("$sluice" list | wc -l)" = 4 ] || fail "$("$sluice" list)"

# It has its disk and its name again, under a new number.
"$sluice" reboot alpha
wait_for 60 eval '[ "$(domid alpha)" != 2 ]'
wait_for 60 is_state alpha running
"$sluice" shutdown --wait alpha
[ -z "$(state alpha)" ] || fail "$("$sluice" list)"
"$sluice" shutdown --all --wait
[ "$("$sluice" list | wc -l)" = 1 ] || fail "$("$sluice" list)"
assert_tidy 20

# With the last one's failure the stack ends, too.
! "$sluice" create -q "$tmp/alpha.cfg" "kernel=\"$tmp/d.img\"" 2>/dev/null || fail "noise is booted"
assert_tidy 20
# In the foreground there is none in the background.
config "$tmp/store.cfg" 'driver_domain=1' 'extra="obey"'
"$sluice" create -F "$tmp/store.cfg" "$tmp/alpha.cfg" 'disk=[ ]' >"$tmp/log" 2>&1 </dev/null &
booted=$!
wait_for 60 is_state alpha running
is_state store running || fail "$("$sluice" list)"
wait_for 60 says "$tmp/log" obeying
"$sluice" shutdown alpha
ends_with 0 || fail "$(cat "$tmp/log")"
assert_tidy 5

# SPDX-License-Identifier: MIT
# A stack that is stopped, or has no time, is named and counts as one that is there.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
process_config "$tmp/store.cfg"
"$sluice" create -q "$tmp/store.cfg" 2>"$tmp/err" || {
	! says "$tmp/err" 'cannot be confined' || skip "$(cat "$tmp/err")"
	fail "$(cat "$tmp/err")"
}
boot_in_background "$tmp/log" obey --name=alone
wait_for 60 is_state alone running
stack=$(dirname "$(ls "$XDG_RUNTIME_DIR"/sluice-*/run.*/log)")
pid=${stack##*/run.}; pid=${pid%%.*}

kill -STOP "$pid"
cleanup_fn eval 'kill -CONT "$pid" 2>/dev/null'
"$sluice" create -q "$tmp/store.cfg" 'name="other"' 2>"$tmp/err" &
creator=$!
# The stacks that answer are shown all the same.
! "$sluice" list >"$tmp/list" 2>"$tmp/said" || fail "all is well: $(cat "$tmp/list")"
says "$tmp/said" "the stack in $stack does not answer; its process $pid" || fail "$(cat "$tmp/said")"
grep -q '^alone .* running ' "$tmp/list" || fail "$(cat "$tmp/list")"
# The one of which is no second one is waited for.
wait_for 60 says "$tmp/err" 'waiting for it'
kill -CONT "$pid"
wait "$creator" || fail "$(cat "$tmp/err")"
is_state other running || fail "$("$sluice" list)"
[ "$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*/log | wc -l)" = 1 ] || fail 'a second stack'

# One that hangs and has nothing to do with it is not waited for.
kill -STOP "$booted"
cleanup_fn eval 'kill -CONT "$booted" 2>/dev/null'
"$sluice" create -q "$tmp/store.cfg" 'name="third"' 2>"$tmp/err" || fail "$(cat "$tmp/err")"
[ ! -s "$tmp/err" ] || fail "$(cat "$tmp/err")"
kill -CONT "$booted"
for name in store other third alone; do "$sluice" destroy $name; done
assert_tidy 60

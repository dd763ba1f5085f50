# SPDX-License-Identifier: MIT
# list, pause, unpause, shutdown, reboot, destroy, console on vms that run.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
requires_vm
boot_in_background "$tmp/a.log" obey --name=alpha
a=$booted
boot_in_background "$tmp/b.log" obey --name=beta --console=none --vcpus=2
b=$booted
wait_for 60 says "$tmp/a.log" obeying
wait_for 60 is_state beta running
[ "$("$sluice" list | wc -l)" = 3 ] || fail "$("$sluice" list)"
"$sluice" list | grep -qE '^beta +2 +32 +2  running +[0-9.]+$' || fail "$("$sluice" list)"

"$sluice" pause alpha
is_state alpha paused || fail "pause: $("$sluice" list)"
is_state beta running || fail "pause: $("$sluice" list)"
"$sluice" unpause alpha
is_state alpha running || fail "unpause: $("$sluice" list)"

# The console of one that has none here; keys arrive, the answer is shown.
{ wait_for 60 says "$tmp/console" obeying; echo hello; wait_for 60 says "$tmp/console" hello; } |
	"$sluice" console beta >"$tmp/console" &
client=$!
wait_for 60 says "$tmp/console" hello
kill $client

"$sluice" reboot alpha
wait_for 60 eval '[ "$(grep -c obeying "$tmp/a.log")" = 2 ]'
says "$tmp/a.log" "asked to reboot" || fail "reboot: $(cat "$tmp/a.log")"
[ "$(domid alpha)" = 3 ] || fail "reboot: $("$sluice" list)"
"$sluice" shutdown --wait alpha
[ -z "$(state alpha)" ] || fail "shutdown --wait: $("$sluice" list)"
booted=$a
ends_with 0 || fail "shutdown: $(cat "$tmp/a.log")"
says "$tmp/a.log" "asked to poweroff" || fail "shutdown: $(cat "$tmp/a.log")"
is_state beta running || fail "$("$sluice" list)"

# Names are not to be mixed up.
boot_in_background "$tmp/c.log" obey --name=beta
wait_for 60 says "$tmp/c.log" obeying
! "$sluice" pause beta 2>"$tmp/err" || fail "one of two was paused"
says "$tmp/err" "2 vms of yours are named beta" || fail "$(cat "$tmp/err")"
kill "$booted"
ends_with 0 || fail "SIGTERM: $(cat "$tmp/c.log")"
"$sluice" destroy beta
booted=$b
ends_with 0 || fail "destroy: $(cat "$tmp/b.log")"
assert_tidy 5

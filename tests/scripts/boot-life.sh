# SPDX-License-Identifier: MIT
# What follows a vm's end, for each end and each wish.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
requires_vm
truncate -s 1M "$tmp/a.img" "$tmp/b.img"

# expect_status STATUS ORDERS OPTION..: its output in $tmp/log
expect_status () {
	local want=$1 status=0; shift
	boot "$@" >"$tmp/log" 2>&1 </dev/null || status=$?
	[ "$status" = "$want" ] || fail "status $status in place of $want from: $*: $(cat "$tmp/log")"
	assert_tidy 5
}
expect_status 0 poweroff
says "$tmp/log" "booted: poweroff" || fail "its console says $(cat "$tmp/log")"
expect_status 1 crash
says "$tmp/log" "guest crashed" || fail "the crash is not told: $(cat "$tmp/log")"
expect_status 0 reboot --on-reboot=destroy
expect_status 0 "disk poweroff" --disk="$tmp/a.img" --disk="$tmp/b.img,ro"
says "$tmp/log" "2 disks" || fail "disks: $(cat "$tmp/log")"
expect_status 0 "flood poweroff"
says "$tmp/log" flooded || fail "the end of a flood is lost"
expect_status 124 obey --timeout=1
says "$tmp/log" "guest still runs after 1 s" || fail "the timeout is not told: $(cat "$tmp/log")"
expect_status 0 poweroff --console="$tmp/console"
says "$tmp/console" "booted: poweroff" || fail "console=FILE: $(cat "$tmp/console")"
expect_status 0 poweroff --console=none
[ ! -s "$tmp/log" ] || fail "console=none: $(cat "$tmp/log")"

# Built again: a new domain with the same disks.
boot_in_background "$tmp/log" "disk reboot" --disk="$tmp/a.img" --name=again
wait_for 60 eval '[ "$(grep -c "1 disks" "$tmp/log")" -ge 3 ]'
[ "$(domid again)" -ge 4 ] || fail "the domain's id is $(domid again) after two reboots"
"$sluice" destroy --wait again
ends_with 0 || fail "destroy: $(cat "$tmp/log")"
assert_tidy 5
for end in poweroff crash; do
	boot_in_background "$tmp/log" $end --on-$end=restart
	wait_for 60 eval '[ "$(grep -c "booted: '$end'" "$tmp/log")" -ge 2 ]'
	"$sluice" destroy guest
	ends_with 0 || fail "$end, restart: $(cat "$tmp/log")"
done

# Kept for whoever wants to look at it.
for end in poweroff reboot crash; do
	boot_in_background "$tmp/log" $end --on-$end=preserve
	wait_for 60 is_state guest shutdown
	wait_for 10 says "$tmp/log" "is kept as it is"
	! "$sluice" shutdown guest 2>"$tmp/err" || fail "a dead vm was asked to shut down"
	says "$tmp/err" "has shut down already" || fail "$(cat "$tmp/err")"
	"$sluice" destroy guest
	want=0
	[ $end != crash ] || want=1
	ends_with $want || fail "$end, preserve: $(cat "$tmp/log")"
	assert_tidy 5
done

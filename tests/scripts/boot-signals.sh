# SPDX-License-Identifier: MIT
# The first signal asks the guest, the second one ends it; a killed sluice boot leaves nothing.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
requires_vm
start () {
	boot_in_background "$tmp/log" "$1"
	wait_for 60 says "$tmp/log" "$2"
}
for sig in TERM INT HUP; do
	# A shell's background jobs do not see SIGINT unless they set a handler, as sluice does.
	start obey obeying
	kill -$sig "$booted"
	ends_with 0 || fail "SIG$sig: $(cat "$tmp/log")"
	says "$tmp/log" "asked to poweroff" || fail "SIG$sig: $(cat "$tmp/log")"
	assert_tidy 5
done
# One that does not listen.
start deaf "no order"
kill "$booted"
wait_for 20 says "$tmp/log" "asking the guest to power off"
kill "$booted"
ends_with 143 || fail "two signals: $(cat "$tmp/log")"
assert_tidy 5
start obey obeying
kill -KILL "$booted"
ends_with 137 || fail "SIGKILL"
assert_tidy 20
# A part of the stack that dies is named: what watches over the storage domain passes its
# daemon's end on.
kill_part () {
	kill -KILL "$(alive | awk -v p="$1" '$2 ~ p "$" && !/domain-init/ { print $1; exit }')"
}
named () { grep -qE "$1.* (was ended by signal 9|ended by itself with status 137)" "$tmp/log"; }
# The hypervisor takes the rest with it.
start obey obeying
kill_part sluice-hypervisor
ends_with 1 || fail "sluice-hypervisor: $(cat "$tmp/log")"
named sluice-hypervisor || fail "sluice-hypervisor: $(cat "$tmp/log")"
assert_tidy 20
# The others come back: the guest, its store ring and its watch there are as they were.
for part in sluice-store sluice-driverd; do
	start obey obeying
	kill_part "$part"
	wait_for 20 says "$tmp/log" 'it is started again'
	named "$part" || fail "$part: $(cat "$tmp/log")"
	kill "$booted"
	ends_with 0 || fail "$part: $(cat "$tmp/log")"
	says "$tmp/log" "asked to poweroff" || fail "after $part: $(cat "$tmp/log")"
	assert_tidy 20
done

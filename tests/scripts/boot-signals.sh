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
# A part of the stack that dies is named, and takes the rest with it.
for part in sluice-hypervisor sluice-store sluice-driverd; do
	start obey obeying
	kill -KILL "$(alive | awk -v p="$part" '$2 ~ p "$" && !/domain-init/ { print $1; exit }')"
	ends_with 1 || fail "$part: $(cat "$tmp/log")"
	# What watches over the storage domain passes its daemon's end on.
	grep -qE "$part.* (was ended by signal 9|ended by itself with status 137)" "$tmp/log" || fail "$part: $(cat "$tmp/log")"
	assert_tidy 20
done

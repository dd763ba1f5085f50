# SPDX-License-Identifier: MIT
# sluice exec: the command's input, output and status are its own, and nothing stays.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires_stack
image "$tmp/a.img" 4

out=$(echo in | "$sluice" exec --disk="$tmp/a.img" -- sh -c 'cat; echo out; echo err >&2' 2>"$tmp/err")
[ "$out" = "in
out" ] || fail "standard output: $out"
[ "$(cat "$tmp/err")" = err ] || fail "standard error: $(cat "$tmp/err")"
assert_tidy

for want in 0 1 7 126; do
	status=0
	"$sluice" exec -- sh -c "exit $want" || status=$?
	[ $status = $want ] || fail "status $status for $want"
done
status=0
"$sluice" exec -- sh -c 'kill -9 $$' || status=$?
[ $status = 137 ] || fail "status $status for a killed command"
status=0
"$sluice" exec -- "$tmp/nosuch" 2>"$tmp/err" || status=$?
[ $status = 127 ] || fail "status $status for a command that is not there"
assert_tidy

# The guest sees its disks, under the names that were asked for, and its own store.
image "$tmp/b.img" 2
"$sluice" exec --disk="$tmp/a.img,ro" --disk="$tmp/b.img,dev=xvdq" -- sh -c '
	set -e
	[ "$(xenstore-read domid)" = 2 ]
	[ "$(xenstore-list device/vbd | sort | tr "\n" " ")" = "268439552 51712 " ]
	backend=$(xenstore-read device/vbd/51712/backend)
	[ "$(xenstore-read $backend/mode)" = r ]
	[ "$(xenstore-read $backend/state)" = 2 ]' || fail "the guest does not see its disks"
assert_tidy

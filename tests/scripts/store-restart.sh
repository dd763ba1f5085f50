#!/bin/bash
# SPDX-License-Identifier: MIT
# A store that is killed at random moments comes back with all that it had acknowledged.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/store-functions.sh"
for tool in ls read write chmod watch; do
	requires command -v "xenstore-$tool"
done
state=$tmp/state

# again SIGNAL: end it so and start the next one; cut short, its socket is still there.
again () {
	kill "-$1" "$store"
	wait "$store" 2>/dev/null || :
	start_store --state-file="$state"
	wait_for 5 xenstore-exists /
}
start_store --state-file="$state"

# Everything that xenstore-ls shows is the same.
xenstore-write /vm/a one /vm/b '' /tool/x "$(printf '%01000d' 0)"
xenstore-chmod /vm/a n0 r3 b4
xenstore-rm /tool/xenstored
xenstore-ls -fp >"$tmp/before"
for signal in TERM KILL TERM; do
	again "$signal"
	xenstore-ls -fp >"$tmp/after"
	cmp "$tmp/before" "$tmp/after" || fail "after SIG$signal: $(diff "$tmp/before" "$tmp/after")"
done

# What xenstore-write was told is done is there, whenever the store is killed.
writer () {
	local i
	for ((i = 1; i <= 100000; i++)); do
		xenstore-write "/load/$i" "value $i" 2>/dev/null && echo "$i"
	done
}
: >"$tmp/acknowledged"
writer >>"$tmp/acknowledged" &
pid=$!
end_with_test "$pid"
for round in 1 2 3 4 5 6 7 8 9 10; do
	count=$(wc -l <"$tmp/acknowledged")
	more () { [ "$(wc -l <"$tmp/acknowledged")" -gt $((count + RANDOM % 10)) ]; }
	wait_for 20 more
	again KILL
done
kill "$pid"
wait "$pid" 2>/dev/null || :
sed 's|.*|/load/& = "value &"|' "$tmp/acknowledged" | sort >"$tmp/promised"
[ "$(wc -l <"$tmp/promised")" -ge 10 ] || fail "nothing was written"
xenstore-ls -f /load | sed 's/ *$//' | sort >"$tmp/there"
[ -z "$(comm -23 "$tmp/promised" "$tmp/there")" ] ||
	fail "lost: $(comm -23 "$tmp/promised" "$tmp/there")"
xenstore-control check >/dev/null 2>&1 || ! command -v xenstore-control >/dev/null ||
	fail "the tree is damaged"

# One file, one store.
"$program" --socket="$tmp/other" --state-file="$state" 2>"$tmp/err" && fail "two stores have one state"
grep -q 'in use by another store' "$tmp/err" || fail "it says: $(cat "$tmp/err")"

# It is refused when it is not a store's, and when others could have written it.
kill "$store"; wait "$store" || fail "SIGTERM did not end the store well"
cp "$state" "$tmp/kept"
echo garbage >"$state"
refuses 'is not the state of a store' --socket="$tmp/other" --state-file="$state"
chmod 666 "$state"
refuses 'only he can write' --socket="$tmp/other" --state-file="$state"
rm "$state"
ln -s "$tmp/kept" "$state"
refuses 'only he can write' --socket="$tmp/other" --state-file="$state"
mkfifo "$tmp/fifo"
refuses 'only he can write' --socket="$tmp/other" --state-file="$tmp/fifo"
printf 'sluistor\2\0\0\0\4\3\2\1' >"$tmp/next"
chmod 600 "$tmp/next"
refuses 'it is of version 2' --socket="$tmp/other" --state-file="$tmp/next"
refuses 'cannot be opened: No such file' --socket="$tmp/other" --state-file="$tmp/none/state"

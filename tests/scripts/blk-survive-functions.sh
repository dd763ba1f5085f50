# SPDX-License-Identifier: MIT
# For tests that kill a backend under its guest, after functions.sh.
survivor=$builddir/tests/peers/blk-survivor
sluice=$builddir/tools/sluice
requires test -x "$survivor"
requires test -x "$sluice"

# process_below PID NAME: of that name, cut to 15 letters, by walking down: others may run here, too.
process_below () {
	local child
	for child in $(ps -o pid= --ppid "$1"); do
		if [ "$(cat "/proc/$child/comm" 2>/dev/null)" = "$2" ]; then echo "$child"; return 0; fi
		process_below "$child" "$2" && return 0
	done
	return 1
}
backend_below () { process_below "$1" sluice-blk; }
# start_guest DISK OPTION..: the survivor in a guest domain; $guest is its stack.
start_guest () {
	local disk=$1; shift
	rm -f "$tmp/enough" "$tmp/kills" "$tmp/out"
	SLUICE_LOG=info timeout -k 5 1500 "$sluice" exec --disk="$disk" -- "$survivor" 500 "$tmp/enough" "$@" \
		>"$tmp/out" 2>"$tmp/log" &
	guest=$!
	cleanup_fn sh -c "kill $guest 2>/dev/null"
	cleanup_fn eval '[ "$leaving" = 0 ] || [ "$leaving" = 77 ] || tail -n 40 "$tmp/log"'
	wait_for 120 grep -q connected "$tmp/out"
}
# kill_backend: when it was killed goes to $tmp/kills, in microseconds. False: there is none.
kill_backend () {
	local pid
	pid=$(backend_below "$guest") || return 1
	kill -9 "$pid" || return 1
	echo "${EPOCHREALTIME/[.,]/}" >>"$tmp/kills"
}
took_over () { grep -c 'took over [0-9]* request' "$tmp/log" || true; }
# Or it failed: end_guest says how.
guest_resumed () {
	[ "$(took_over)" -ge "$1" ] || grep -q FAILED "$tmp/out"
}
# kill_times N: at random moments, each after the one before is over.
kill_times () {
	local i begun
	begun=$(took_over)
	for ((i = 1; i <= $1; i++)); do
		sleep "0.$((RANDOM % 30 + 10))"
		wait_for 60 kill_backend
		wait_for 120 guest_resumed $((begun + i))
	done
}
# end_guest: it was well to the end.
end_guest () {
	local status=0
	touch "$tmp/enough"
	wait "$guest" || status=$?
	if [ $status != 0 ] || ! grep -q ^survived "$tmp/out"; then
		grep -v ^gap "$tmp/out" || true
		tail -60 "$tmp/log"
		fail "the guest ended with status $status"
	fi
	grep ^survived "$tmp/out"
}
# The time for which nothing was answered around each kill, in milliseconds, sorted.
pauses () {
	awk 'FILENAME == ARGV[1] { kill[++n] = $1; next }
		$1 == "gap" { for (i = 1; i <= n; i++)
			if ($2 + $3 >= kill[i] && $2 <= kill[i] + 300000 && $3 > most[i]) most[i] = $3 }
		END { for (i = 1; i <= n; i++) printf "%.1f\n", most[i] / 1000 }' "$tmp/kills" "$tmp/out" |
		sort -n
}
# say_pauses TEXT: for people; nothing depends on it.
say_pauses () {
	pauses >"$tmp/pauses"
	awk -v text="$1" '{ p[NR] = $1 } END { printf "%s: %d kills, pause median %s ms, least %s, most %s\n",
		text, NR, p[int((NR + 1) / 2)], p[1], p[NR] }' "$tmp/pauses"
}

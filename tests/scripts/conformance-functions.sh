# SPDX-License-Identifier: MIT
# The conformance run, after functions.sh: conformance DRIVER [quick]. Each case runs the guest
# tests/peers/blk-conform in a private stack, whose backend is confined, on storage of
# storage-DRIVER.sh; it passes, fails, or is skipped for a reason that the storage gives.
source "$srcdir/tests/scripts/storage-functions.sh"
source "$srcdir/tests/scripts/blk-survive-functions.sh"
conform=$builddir/tests/peers/blk-conform
direct=$builddir/tests/peers/blk-direct
requires test -x "$conform"
conform_mib=16
# In the order of what they ask of the storage. Those of the quick run first.
conform_quick='patterns flushed-killed readonly zeroes'
conform_long="$conform_quick sizes types discard depth protocol32 copied acknowledged-killed buffered
	close detach guest-killed replay replay-queues resize sectors-4096 eio enospc etimedout outage hang"

# These begin with storage of their own.
conform_own='resize sectors-4096 eio enospc etimedout outage hang'

# --- guests ---------------------------------------------------------------------------

disk () { echo "$storage_uri$storage_options${1-}"; }
# begin_guest DISK ARGUMENT..: blk-conform in the background; $guest is its stack.
begin_guest () {
	local disk=$1; shift
	: >"$tmp/out"
	SLUICE_LOG=info timeout -k 5 1500 "$sluice" exec --disk="$disk" -- "$conform" "$@" >"$tmp/out" 2>"$tmp/log" &
	guest=$!
	cleanup_fn eval "kill $guest 2>/dev/null; wait $guest 2>/dev/null || :"
}
# guest_says TEXT [SECONDS]: it said that, or failed.
guest_says () {
	wait_for "${2:-600}" guest_said "$1"
	grep -qE "^$1" "$tmp/out" || guest_failed "it did not say \"$1\""
}
# It said that, or says nothing any more.
guest_said () { grep -qE -e "^$1" -e ^FAILED "$tmp/out" || ! kill -0 "$guest"; }
guest_failed () {
	grep -v -e ^progress -e ^gap "$tmp/out" | tail -n 20
	tail -n 40 "$tmp/log"
	fail "$*"
}
await_guest () {
	local status=0
	wait "$guest" || status=$?
	[ $status = 0 ] || guest_failed "the guest ended with status $status"
	! grep -E '(killed|ended) by signal (6|7|8|11)|exited with status [1-9]|Sanitizer|runtime error' "$tmp/log" ||
		guest_failed "a program of the stack broke"
	grep -v -e ^progress "$tmp/out" || :
}
run_guest () { begin_guest "$@"; await_guest; }
# storage_fine: none of its errors came.
storage_fine () {
	! grep 'may be lost' "$tmp/log" || guest_failed "the format server flushed, and was not believed"
	! grep -E '(read|write|flush|discard) of [0-9]+ bytes at [0-9]+ failed|a flush failed' "$tmp/log" ||
		guest_failed "the storage had errors"
}
promised () { if storage_has zeroes; then echo zeroes=1; else echo zeroes=0; fi; }
# needs PROPERTY..: or the case is skipped, for the reason that the storage has.
needs () {
	local p
	for p; do storage_has "$p" || skip "$storage_why"; done
}
# own_storage MIB [WHAT]: in place of the one that cases share, which does not run now.
own_storage () { cleanup_fn storage_stop; storage_start "$@"; }
# compare_peek [FUNCTION]: the storage itself against what a guest said that it holds.
compare_peek () {
	"${1:-storage_peek}" 0 $((conform_mib << 20)) >"$tmp/actual"
	"$conform" compare expect="$tmp/expect" actual="$tmp/actual" || guest_failed "the storage differs"
}
backend_node () { # NODE VALUE: written as a toolstack does
	local socket=''
	for socket in "$XDG_RUNTIME_DIR"/*/*/store.sock; do [ -S "$socket" ] && break; done
	XENSTORED_PATH=$socket xenstore-write "/local/domain/1/backend/vbd/2/51712/$1" "$2"
}
last_progress () { sed -n 's/^progress //p' "$tmp/out" | tail -n 1; }
# goes_on: more is answered than a moment ago.
goes_on () {
	local before now
	before=$(last_progress)
	sleep 0.5
	now=$(last_progress)
	[ "${now:-0}" -gt "${before:-0}" ] || ! grep -q . <(ps -o pid= -p "$guest")
}

# --- cases --------------------------------------------------------------------------------

case_patterns () {
	run_guest "$(disk)" sizes depth=4
	storage_fine
	run_guest "$(disk)" types depth=8
	if storage_has discard; then run_guest "$(disk)" discard depth=8 "$(promised)"; fi
	run_guest "$(disk)" load depth=256 segments=8 ops=2000 "$(promised)"
	storage_fine
}
# Every size there is.
case_sizes () { run_guest "$(disk)" sizes full=1 depth=4; storage_fine; }
case_types () {
	run_guest "$(disk)" types
	grep -qE "flush $(storage_has flush && echo 1 || echo 0)," "$tmp/out" || guest_failed "flush is offered, or not"
	grep -qE "discard $(storage_has discard && echo 1 || echo 0) " "$tmp/out" || guest_failed "discard is offered, or not"
	grep -qE "secure discard $(storage_has secure-discard && echo 1 || echo 0)," "$tmp/out" ||
		guest_failed "secure discard is offered, or not"
	storage_fine
}
case_discard () { needs discard; run_guest "$(disk)" discard "$(promised)"; storage_fine; }
case_depth () {
	run_guest "$(disk)" load depth=256 segments=32 ops="${SLUICE_CONFORM_OPS:-60000}" seed=7 "$(promised)"
	grep -qE 'at most 2(4[0-9]|5[0-9]) in flight' "$tmp/out" || guest_failed "it was not that deep"
	storage_fine
}
case_protocol32 () { run_guest "$(disk)" load protocol=x86_32-abi segments=11 ops=4000 seed=3 "$(promised)"; storage_fine; }
case_copied () { run_guest "$(disk)" load no_persistent=1 ops=8000 seed=5 "$(promised)"; storage_fine; }
case_buffered () { run_guest "$(disk ,buffered)" load ops=8000 seed=9 "$(promised)"; storage_fine; }

# killed_and_compared ARGUMENT [FUNCTION]: nobody but the storage has what was acknowledged.
killed_and_compared () {
	local daemon backend
	needs peek
	rm -f "$tmp/go"
	begin_guest "$(disk)" flushed "$1" expect="$tmp/expect" go="$tmp/go"
	guest_says acknowledged
	daemon=$(process_below "$guest" sluice-driverd) || fail "no daemon"
	backend=$(backend_below "$guest") || fail "no backend"
	# No successor that could make good for what was lost.
	kill -STOP "$daemon"
	cleanup_fn eval "kill -CONT $daemon 2>/dev/null || :"
	kill -KILL "$backend"
	wait_for 120 backend_ended "$backend"
	compare_peek "${2:-storage_peek}"
	kill -CONT "$daemon"
	# Else its disk is given up: nobody knows when the killed one's writes have ended.
	storage_has replay || return 0
	touch "$tmp/go"
	await_guest
	storage_fine
}
backend_ended () { ! grep -qE '^State:[[:space:]]+[^ZX]' "/proc/$1/status"; }
case_flushed-killed () { needs flush; killed_and_compared flush=1; }
case_acknowledged-killed () { killed_and_compared flush=0 storage_peek_acknowledged; }

case_readonly () {
	run_guest "$(disk)" flushed flush=1 expect="$tmp/expect" seed=11
	run_guest "$(disk ,ro)" readonly expect="$tmp/expect"
	storage_fine
	if storage_has peek; then compare_peek; fi
}
# call_direct: a server that a busy machine keeps from answering in time is asked again.
call_direct () {
	local driver try
	driver=$(echo "$storage_options" | sed -n 's/.*driver=\([^,]*\).*/\1/p')
	for try in 1 2 3; do
		"$direct" "$storage_direct_uri" "$driver" >"$tmp/out" 2>"$tmp/log" && return
		grep -q 'did not answer within' "$tmp/out" "$tmp/log" || break
		echo "asked again ($try): $(tail -n 1 "$tmp/out")"
	done
	cat "$tmp/out" "$tmp/log"
	fail "the driver, called directly, failed"
}
case_zeroes () {
	[ -x "$direct" ] || fail "$direct is not built"
	storage_direct
	call_direct
	grep -v '^ok' "$tmp/out"
}

# --- closing ------------------------------------------------------------------------------

case_close () { run_guest "$(disk)" close depth=128 segments=8; storage_fine; }
# The toolstack takes the disk away under load: nothing that was acknowledged is lost.
case_detach () {
	requires command -v xenstore-write
	begin_guest "$(disk)" left depth=64 segments=8 expect="$tmp/expect"
	guest_says loaded
	sleep 0.3
	backend_node online 0
	backend_node state 5
	await_guest
	storage_fine
	run_guest "$(disk)" verify expect="$tmp/expect"
}
# The guest dies under load: its backend ends in time, and the next one has the storage.
case_guest-killed () {
	local pid
	begin_guest "$(disk)" load depth=128 segments=8
	guest_says 'progress'
	pid=$(process_below "$guest" blk-conform) || fail "no guest"
	kill -KILL "$pid"
	wait "$guest" || :
	! grep -E 'did not end in time|exited with status [1-9]' "$tmp/log" || guest_failed "the backend did not end well"
	run_guest "$(disk)" load ops=500
}

# --- the backend is killed --------------------------------------------------------------------

survive () {
	needs replay
	start_guest "$(disk)" "$@"
	kill_times "${SLUICE_KILLS:-5}"
	end_guest
	! grep 'connect again' "$tmp/log" || fail "it was not taken over"
	storage_fine
}
case_replay () { survive depth=32; }
case_replay-queues () { survive depth=32 queues=2 kib=64 persistent=0; }

# --- what changes meanwhile -------------------------------------------------------------------

case_resize () {
	needs grow
	requires command -v xenstore-write
	own_storage $conform_mib
	begin_guest "$(disk)" resize mib=24
	guest_says ready
	storage_grow 24
	backend_node resize "$(date +%s%N)"
	await_guest
	storage_fine
}
# Storage of larger sectors: requests of 512 bytes are served all the same.
case_sectors-4096 () {
	needs 4096
	own_storage $conform_mib 4096
	run_guest "$(disk)" sizes depth=4
	grep -q ' of 1 to ' "$tmp/out" || guest_failed "the guest's sectors are not 512 bytes"
	run_guest "$(disk)" types
	grep -qE 'sectors 512 of 4096' "$tmp/out" || guest_failed "the physical sector size is not 4096"
	if storage_has discard; then run_guest "$(disk)" discard "$(promised)"; fi
	run_guest "$(disk)" load depth=256 segments=8 ops=6000 "$(promised)"
	storage_fine
}
# breaks ERROR [ARGUMENT]: storage that fails for a real cause, and recovers.
breaks () {
	local error=$1; shift
	needs "$error"
	own_storage $conform_mib "$error"
	rm -f "$tmp/go" "$tmp/stop"
	begin_guest "$(disk)" errors go="$tmp/go" stop="$tmp/stop" "$@"
	guest_says ready
	storage_break "$error"
	touch "$tmp/go"
	guest_says 'error '
	storage_mend
	touch "$tmp/stop"
	await_guest
	grep -E "(read|write) of [0-9]+ bytes at [0-9]+ failed: ($(storage_error "$error"))" "$tmp/log" | head -n 1 | grep . ||
		guest_failed "the log does not name $error"
}
case_eio () { breaks eio reads=1; }
case_enospc () { breaks enospc; }
case_etimedout () { breaks etimedout; }
# load_through FUNCTION..: a guest under load sees a pause, no error, and no lost write.
load_through () {
	own_storage $conform_mib
	rm -f "$tmp/stop"
	begin_guest "$(disk)" load depth=32 stop="$tmp/stop" "$(promised)"
	guest_says progress
	"$1"
	sleep 1
	"$2"
	wait_for 300 goes_on
	touch "$tmp/stop"
	await_guest
	storage_fine
}
case_outage () { needs server; load_through storage_kill storage_back; }
case_hang () { needs stop; load_through storage_hang storage_resume; }

# --- the run --------------------------------------------------------------------------------

# conform_case NAME: in a shell of its own; its status and, in $tmp/why, why it was skipped.
conform_case () (
	set -e
	cleanups=()
	trap 'conform_end $?' EXIT
	"case_$1"
)
conform_end () {
	run_cleanups "$1"
	exit "$leaving"
}
# conform_shared_end: the storage that cases share, if it runs.
conform_shared_end () {
	[ -z "$conform_shared" ] || storage_stop
	conform_shared=''
}
# conform_one NAME: adds a line to the table.
conform_one () {
	local status=0 begun=$SECONDS
	echo "--- $storage_name: $1"
	case " $conform_own " in
	*" $1 "*) conform_shared_end ;;
	*) [ -n "$conform_shared" ] || storage_start $conform_mib; conform_shared=yes ;;
	esac
	# Not as part of a condition: errors would end nothing in there.
	set +e
	conform_case "$1" >"$tmp/case.out" 2>&1
	status=$?
	set -e
	[ $status = 0 ] || [ $status = 77 ] || conform_shared_end
	sed 's/^/| /' "$tmp/case.out"
	case $status in
	0) printf '%-18s %-10s passed   %s s\n' "$1" "$storage_name" $((SECONDS - begun)) ;;
	77) printf '%-18s %-10s skipped  %s\n' "$1" "$storage_name" "$(sed -n 's/^skipped: //p' "$tmp/case.out" | tail -n 1)" ;;
	*) printf '%-18s %-10s FAILED   %s\n' "$1" "$storage_name" "$(grep -h FAILED "$tmp/case.out" | tail -n 1)"
		conform_failed="$conform_failed $1" ;;
	esac >>"$tmp/table"
}
# conformance DRIVER [quick | CASE..]
conformance () {
	local cases=$conform_long c
	storage_name=$1 conform_failed='' conform_shared=''; shift
	if [ "${1-}" = quick ]; then cases=$conform_quick; elif [ $# -gt 0 ]; then cases=$*; fi
	use_storage "$storage_name"
	storage_requires
	export XDG_RUNTIME_DIR=$tmp/run
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	cleanup_fn storage_stop
	: >"$tmp/table"
	for c in $cases; do
		declare -F "case_$c" >/dev/null || fail "there is no case $c; there are: $conform_long"
		conform_one "$c"
	done
	cat "$tmp/table"
	[ -z "${SLUICE_CONFORMANCE_TABLE-}" ] || cat "$tmp/table" >>"$SLUICE_CONFORMANCE_TABLE"
	[ -z "$conform_failed" ] || fail "$storage_name:$conform_failed"
}
# conformance_matrix TABLE DRIVER..: cases by drivers; the reasons of those left out below.
conformance_matrix () {
	local table=$1; shift
	awk -v drivers="$*" '
		{ why = $0; sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, "", why)
		  if ($1 == "all") { gone[$2] = why; next }
		  if (!($1 in seen)) { seen[$1] = 1; order[++n] = $1 }
		  result[$1, $2] = $3
		  if ($3 == "skipped") {
			if (!((why, $1) in told)) { reason[++r] = $1 ": " why; key[r] = why SUBSEP $1 }
			told[why, $1] = told[why, $1] " " $2 } }
		END { m = split(drivers, d, " ")
		  printf "%-20s", "case"; for (i = 1; i <= m; i++) printf " %-10s", d[i]; print ""
		  for (c = 1; c <= n; c++) { printf "%-20s", order[c]
			for (i = 1; i <= m; i++) { x = result[order[c], d[i]]
				printf " %-10s", x == "passed" ? "ran" : x == "skipped" ? "-" : x == "" ? "" : x }
			print "" }
		  for (i = 1; i <= m; i++) if (d[i] in gone) print "all of " d[i] ": left out: " gone[d[i]]
		  for (i = 1; i <= r; i++) { split(key[i], k, SUBSEP); print "-  " reason[i] " (" substr(told[k[1], k[2]], 2) ")" } }
	' "$table"
}

# SPDX-License-Identifier: MIT
# For tests that attach disks by hand, after functions.sh: a store, a disk's nodes as a toolstack writes
# them, and backends that are started on them. These serve unconfined: nobody connects to them.
blk=$builddir/backends/blk/sluice-blk
top=/local/domain/0
# How grep takes what a refused disk must say: -F, or -E.
refused_how=-F
requires test -x "$blk"
requires test -x "$builddir/hypervisor/store/sluice-store"
requires command -v xenstore-write

begin_store () {
	export XENSTORED_PATH=$tmp/store.sock
	"$builddir/hypervisor/store/sluice-store" --socket="$XENSTORED_PATH" 2>"$tmp/store.log" &
	store_pid=$!
	cleanup_fn eval "kill $store_pid 2>/dev/null; wait $store_pid 2>/dev/null || :"
	wait_for 60 test -S "$XENSTORED_PATH"
}
# leads_nowhere ADDRESS/BITS: whoever else is in that network never answers. In a network namespace of the test's own.
leads_nowhere () {
	ip link set lo up
	{ ip tuntap add nowhere mode tap || ip link add nowhere type dummy; } 2>/dev/null &&
		ip link set nowhere arp off up && ip address add "$1" dev nowhere
}
# disk ID PARAMS [MODE [SHARED [DRIVER]]]: w and 0 by default; as a toolstack attaches it.
disk () {
	local leaf=$top/backend/vbd/7/$1
	xenstore-rm "$leaf" 2>/dev/null || :
	xenstore-rm "$top/error" 2>/dev/null || :
	xenstore-write "$leaf/frontend" "/local/domain/7/device/vbd/$1" "$leaf/frontend-id" 7 \
		"$leaf/params" "$2" "$leaf/mode" "${3:-w}" "$leaf/online" 1 "$leaf/state" 1 \
		"$leaf/shared" "${4:-0}" "$leaf/driver" "${5:-}"
}
# refused TEXT PARAMS [MODE [SHARED [DRIVER]]]: one clear line, the same in both error nodes, state Closed, exit
# status 2, no READY, and nothing hangs.
refused () {
	local text=$1 status=0 line; shift
	disk 51900 "$@"
	timeout 100 "$blk" --backend=backend/vbd/7/51900 --confine=no --ready-fd=3 3>"$tmp/ready" 2>"$tmp/err" || status=$?
	[ $status = 2 ] || fail "$1: exit status $status, not 2: $(cat "$tmp/err")"
	[ "$(grep -c error: "$tmp/err")" = 1 ] || fail "$1: not one line: $(cat "$tmp/err")"
	grep -q $refused_how -- "$text" "$tmp/err" || fail "$1 does not say \"$text\": $(cat "$tmp/err")"
	line=$(xenstore-read "$top/backend/vbd/7/51900/error")
	grep -q $refused_how -- "$text" <<<"$line" || fail "the error node says: $line"
	[ "$(xenstore-read "$top/error/backend/vbd/7/51900/error")" = "$line" ] || fail "the nodes differ"
	[ "$(xenstore-read "$top/backend/vbd/7/51900/state")" = 6 ] || fail "the state is not Closed"
	[ ! -s "$tmp/ready" ] || fail "it said READY"
}
# try_serve ID PARAMS [MODE [SHARED [DRIVER]]]: its pid is in $served, its log in $tmp/err.ID; 1: it was refused.
try_serve () {
	local status=0
	disk "$@"
	: >"$tmp/ready.$1"
	"$blk" --backend="backend/vbd/7/$1" --confine=no --ready-fd=3 --log-level="${log_level:-info}" \
		3>"$tmp/ready.$1" 2>"$tmp/err.$1" &
	served=$!
	cleanup_fn eval "kill $served 2>/dev/null; wait $served 2>/dev/null || :"
	wait_for 100 eval "grep -q READY=1 '$tmp/ready.$1' || ! kill -0 $served 2>/dev/null"
	grep -q READY=1 "$tmp/ready.$1" && return 0
	wait "$served" || status=$?
	[ $status = 2 ] || fail "$2: status $status: $(cat "$tmp/err.$1")"
	return 1
}
# serve: the same, and it is not refused.
serve () { try_serve "$@" || fail "$2: $(cat "$tmp/err.$1")"; }
unserve () { kill "$1"; wait "$1" || fail "ended with status $?"; }

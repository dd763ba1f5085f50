# SPDX-License-Identifier: MIT
# For tests of iSCSI disks, after functions.sh: a private tgtd (storage-iscsi.sh), and backends that
# are started by hand on a store of their own. These serve unconfined: nobody connects to them.
source "$srcdir/tests/scripts/storage-functions.sh"
use_storage iscsi
storage_requires
blk=$builddir/backends/blk/sluice-blk
requires test -x "$builddir/hypervisor/store/sluice-store"
requires command -v xenstore-write
top=/local/domain/0
mkdir -p "$SLUICE_LOCK_DIR"

begin_store () {
	export XENSTORED_PATH=$tmp/store.sock
	"$builddir/hypervisor/store/sluice-store" --socket="$XENSTORED_PATH" 2>"$tmp/store.log" &
	store_pid=$!
	cleanup_fn eval "kill $store_pid 2>/dev/null; wait $store_pid 2>/dev/null || :"
	wait_for 10 test -S "$XENSTORED_PATH"
}
# disk ID URI [MODE [SHARED]]: as a toolstack attaches it.
disk () {
	xenstore-rm "$top/backend/vbd/7/$1" 2>/dev/null || :
	xenstore-rm "$top/error" 2>/dev/null || :
	xenstore-write "$top/backend/vbd/7/$1/frontend" "/local/domain/7/device/vbd/$1" \
		"$top/backend/vbd/7/$1/frontend-id" 7 "$top/backend/vbd/7/$1/params" "$2" \
		"$top/backend/vbd/7/$1/mode" "${3:-w}" "$top/backend/vbd/7/$1/online" 1 \
		"$top/backend/vbd/7/$1/state" 1 "$top/backend/vbd/7/$1/shared" "${4:-0}"
}
# refused TEXT URI [MODE [SHARED]]: in one line, which is in both error nodes, too.
refused () {
	local text=$1 status=0 line; shift
	disk 51900 "$@"
	timeout 60 "$blk" --backend=backend/vbd/7/51900 --confine=no --ready-fd=3 3>"$tmp/ready" 2>"$tmp/err" || status=$?
	[ $status = 2 ] || fail "$1: exit status $status, not 2: $(cat "$tmp/err")"
	[ "$(grep -c error: "$tmp/err")" = 1 ] || fail "$1: not one line: $(cat "$tmp/err")"
	grep -qE -- "$text" "$tmp/err" || fail "$1 does not say \"$text\": $(cat "$tmp/err")"
	line=$(xenstore-read "$top/backend/vbd/7/51900/error")
	grep -qE -- "$text" <<<"$line" || fail "the error node says: $line"
	[ "$(xenstore-read "$top/error/backend/vbd/7/51900/error")" = "$line" ] || fail "the nodes differ"
	[ ! -s "$tmp/ready" ] || fail "it said READY"
}
# serve ID URI [MODE [SHARED]]: its pid is in $served, its log in $tmp/err.ID.
serve () {
	disk "$@"
	: >"$tmp/ready"
	"$blk" --backend="backend/vbd/7/$1" --confine=no --ready-fd=3 --log-level="${log_level:-info}" \
		3>"$tmp/ready" 2>"$tmp/err.$1" &
	served=$!
	cleanup_fn eval "kill $served 2>/dev/null; wait $served 2>/dev/null || :"
	wait_for 30 grep -q READY=1 "$tmp/ready" || fail "$(cat "$tmp/err.$1")"
}
unserve () { kill "$1"; wait "$1" || fail "ended with status $?"; }

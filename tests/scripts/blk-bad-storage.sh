# SPDX-License-Identifier: MIT
# Storage that cannot be opened: one clear line, the error node in both places, state
# Closed, exit status 2, no READY, and nothing hangs. Needs only the store, and so
# serves unconfined: before it confines itself a backend opens its way to the hypervisor.
. "$(dirname "$0")/functions.sh"
blk=$builddir/backends/blk/sluice-blk
store=$builddir/hypervisor/store/sluice-store
requires test -x "$blk"
requires test -x "$store"
requires command -v xenstore-write
export XENSTORED_PATH=$tmp/store.sock
"$store" --socket="$XENSTORED_PATH" 2>"$tmp/store.log" &
store_pid=$!
cleanup_fn eval "kill $store_pid 2>/dev/null; wait $store_pid 2>/dev/null || :"
wait_for 10 test -S "$XENSTORED_PATH"
dir=backend/vbd/7/51712
top=/local/domain/0

# disk PARAMS [MODE [DRIVER]]: as a toolstack attaches it.
disk () {
	xenstore-rm "$top/$dir" 2>/dev/null || :
	xenstore-rm "$top/error" 2>/dev/null || :
	xenstore-write "$top/$dir/frontend" /local/domain/7/device/vbd/51712 \
		"$top/$dir/frontend-id" 7 "$top/$dir/params" "$1" "$top/$dir/mode" "${2:-w}" \
		"$top/$dir/online" 1 "$top/$dir/state" 1 "$top/$dir/driver" "${3:-}"
}
# refused TEXT: what the last disk must end in.
refused () {
	local status=0 line
	timeout 20 "$blk" --backend=$dir --ready-fd=3 3>"$tmp/ready" 2>"$tmp/err" || status=$?
	[ $status = 2 ] || fail "exit status $status, not 2: $(cat "$tmp/err")"
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "not one line: $(cat "$tmp/err")"
	grep -qF -- "$1" "$tmp/err" || fail "does not say \"$1\": $(cat "$tmp/err")"
	line=$(xenstore-read "$top/$dir/error")
	case $line in *"$1"*) ;; *) fail "the error node says: $line" ;; esac
	[ "$(xenstore-read "$top/error/$dir/error")" = "$line" ] || fail "the nodes differ"
	[ "$(xenstore-read "$top/$dir/state")" = 6 ] || fail "the state is not Closed"
	[ ! -s "$tmp/ready" ] || fail "it said READY"
}

disk "$tmp/missing.img"; refused "$tmp/missing.img: no such file"
disk "$tmp"; refused "is a directory"
disk /dev/null; refused "neither a file nor a block device"
head -c 1000 /dev/zero >"$tmp/odd.img"
disk "$tmp/odd.img"; refused "is no multiple of 512"
: >"$tmp/empty.img"
disk "$tmp/empty.img"; refused "is empty"
disk "relative.img"; refused "absolute path"
disk "qcow2:$tmp/odd.img"; refused "qcow2 images are read by a format server, which sluice-driverd starts"
disk "qcow:$tmp/odd.img"; refused "qcow images are not supported"
disk "aio:$tmp/missing.img"; refused "$tmp/missing.img: no such file"
disk "$tmp/odd.img" w iscsi; refused "iscsi"
disk "$tmp/odd.img" w nonsense; refused "there is no storage driver"

# A file that another process of ours serves, and one that QEMU holds.
truncate -s 1M "$tmp/held.img"
xenstore-write "$top/backend/vbd/7/51728/frontend" /local/domain/7/device/vbd/51728 \
	"$top/backend/vbd/7/51728/frontend-id" 7 "$top/backend/vbd/7/51728/mode" w \
	"$top/backend/vbd/7/51728/params" "$tmp/held.img" "$top/backend/vbd/7/51728/online" 1
"$blk" --backend=backend/vbd/7/51728 --confine=no --ready-fd=3 3>"$tmp/ready2" 2>"$tmp/err2" &
holder=$!
cleanup_fn eval "kill $holder 2>/dev/null; wait $holder 2>/dev/null || :"
wait_for 10 grep -q READY=1 "$tmp/ready2"
disk "$tmp/held.img"; refused "in use by another process"
disk "$tmp/held.img" r; refused "in use by another process"
kill "$holder"
wait "$holder" || fail "SIGTERM ended it with status $?: $(cat "$tmp/err2")"
[ "$(xenstore-read "$top/backend/vbd/7/51728/state")" = 6 ] || fail "SIGTERM did not close it"

# Without a hypervisor one that is to be confined ends at once, and says so.
disk "$tmp/held.img"
status=0
SLUICE_HYPERVISOR=$tmp/none timeout 20 "$blk" --backend=$dir 2>"$tmp/err" || status=$?
[ $status = 1 ] || fail "exit status $status without a hypervisor"
grep -q 'no access to the grant device' "$tmp/err" || fail "it says: $(cat "$tmp/err")"

# And storage that is good works in the same place, without the old error.
disk "$tmp/held.img"
xenstore-write "$top/$dir/error" "an old one"
"$blk" --backend=$dir --confine=no --ready-fd=3 3>"$tmp/ready3" 2>"$tmp/err3" &
good=$!
cleanup_fn eval "kill $good 2>/dev/null; wait $good 2>/dev/null || :"
wait_for 10 grep -q READY=1 "$tmp/ready3"
[ "$(xenstore-read "$top/$dir/state")" = 2 ] || fail "not InitWait"
xenstore-read "$top/$dir/error" 2>/dev/null && fail "the old error is still there"
xenstore-rm "$top/$dir"
wait "$good" || fail "removal ended it with status $?: $(cat "$tmp/err3")"
xenstore-read "$top/$dir/state" 2>/dev/null && fail "it wrote into a removed directory"
echo "all refused by name"

# SPDX-License-Identifier: MIT
# A stack's store lets a driver domain have what a thousand devices take of it, but not all that there is.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v xenstore-write
requires command -v xenstore-watch
requires_stack
"$sluice" exec -- sleep 600 &
pid=$!
cleanup_fn eval 'kill "$pid"; wait "$pid"'
# The storage domain's own way to the store.
driver_socket () { XENSTORED_PATH=$(echo "$XDG_RUNTIME_DIR"/*/*/dom/1/store.sock); [ -S "$XENSTORED_PATH" ]; }
wait_for 30 driver_socket
export XENSTORED_PATH
own=/local/domain/1/libxl
wait_for 30 xenstore-write $own/first 1

# write FROM TO: directories with 25 nodes each, by number.
write () {
	local n nodes
	for ((n = $1; n < $2; n += 20)); do
		nodes=$(for d in $(seq "$n" $((n + 19))); do printf "$own/$d/%s 123456 " {1..25}; done)
		# shellcheck disable=SC2086
		xenstore-write $nodes || return 1
	done
}
# Directories of directories: what one node may hold is limited, too.
top=$own
for t in 1 2 3 4 5; do own=$top/$t; write 0 200 || fail 'a thousand disks do not fit'; done
! (for t in 6 7 8; do own=$top/$t; write 0 200 || exit 1; done) 2>"$tmp/err" || fail 'there is no bound'
paths=$(seq -f "$top/w%.0f" 1 3000)
# shellcheck disable=SC2086
xenstore-watch -n 3001 $paths >"$tmp/watched" 2>&1 &
watcher=$!
cleanup_fn eval 'kill $watcher 2>/dev/null'
# One event each, once it is set.
watched () { [ "$(wc -l <"$tmp/watched")" -ge 3000 ] || ! kill -0 $watcher; }
wait_for 60 watched
[ "$(wc -l <"$tmp/watched")" -ge 3000 ] || fail "a thousand interfaces' watches do not fit: $(tail -n 2 "$tmp/watched")"

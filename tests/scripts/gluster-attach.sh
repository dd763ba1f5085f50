#!/bin/bash
# SPDX-License-Identifier: MIT
# Attaching images on a GlusterFS volume: what cannot be served is refused in one line that names
# what to do, in time. Needs only the store, and so serves unconfined but for the process that
# asks glusterd.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/gluster-functions.sh"
blk=$builddir/backends/blk/sluice-blk
store=$builddir/hypervisor/store/sluice-store
requires test -x "$blk"
requires test -e "$builddir/backends/blk/.libs/blk-gluster.so"
requires command -v xenstore-write
gluster_requires
export XENSTORED_PATH=$tmp/store.sock
"$store" --socket="$XENSTORED_PATH" 2>"$tmp/store.log" &
store_pid=$!
cleanup_fn eval "kill $store_pid 2>/dev/null; wait $store_pid 2>/dev/null || :"
wait_for 10 test -S "$XENSTORED_PATH"
top=/local/domain/0/backend/vbd/7

# disk ID PARAMS [MODE [SHARED]]
disk () {
	xenstore-rm "$top/$1" 2>/dev/null || :
	xenstore-write "$top/$1/frontend" "/local/domain/7/device/vbd/$1" "$top/$1/frontend-id" 7 \
		"$top/$1/params" "$2" "$top/$1/mode" "${3:-w}" "$top/$1/online" 1 "$top/$1/state" 1 \
		"$top/$1/shared" "${4:-0}"
}
# refused PARAMS TEXT [MODE]: with TEXT in the error node, too.
refused () {
	local status=0
	disk 51900 "$1" "${3:-w}"
	timeout 100 "$blk" --backend=backend/vbd/7/51900 --confine=no 2>"$tmp/err" || status=$?
	[ $status = 2 ] || fail "$1: exit status $status, not 2: $(cat "$tmp/err")"
	[ "$(grep -c error: "$tmp/err")" = 1 ] || fail "$1: not one line: $(cat "$tmp/err")"
	grep -qF -- "$2" "$tmp/err" || fail "$1 does not say \"$2\": $(cat "$tmp/err")"
	xenstore-read /local/domain/0/error/backend/vbd/7/51900/error | grep -qF -- "$2" ||
		fail "$1: the error node does not say \"$2\""
}
# serve ID PARAMS [MODE [SHARED]]: its pid is in $served
serve () {
	disk "$@"
	: >"$tmp/ready"
	"$blk" --backend="backend/vbd/7/$1" --confine=no --ready-fd=3 --log-level=info \
		3>"$tmp/ready" 2>"$tmp/err.$1" &
	served=$!
	cleanup_fn eval "kill $served 2>/dev/null; wait $served 2>/dev/null || :"
	wait_for 30 grep -q READY=1 "$tmp/ready"
}
unserve () { kill "$1"; wait "$1" || fail "ended with status $?"; }

# Names.
refused gluster+rdma://host/vol/a "no transport rdma"
refused gluster://host:0/vol/a 'port "0"'
refused gluster://host "the volume is missing"
refused gluster://host/vol/../a '".."'
refused "gluster://host/vol/a?debug=9" "debug= is QEMU's"

ip link set lo up
uri=gluster://$gluster_host/$gluster_volume
refused "$uri/disk.img" "cannot be reached"
# Nobody answers there: it is over when the configuration says, and not when TCP gives up.
ip address add 10.77.0.0/24 dev lo
ip link add gone type dummy 2>/dev/null && ip link set gone up && ip route add 10.78.0.0/24 dev gone &&
	refused "gluster://10.78.0.1/vol/a?timeout=2" "did not answer in time"
ip address del 10.77.0.0/24 dev lo

start_glusterd
mkdir -p "$gluster_dir/brick1"
refused "$uri/disk.img" "has no volume vol"
# By name: glusterd names its bricks as they were named when the volume was made.
gluster_names "$gluster_host bricks.example"
gluster_brick_host=bricks.example
start_volume 1 plain
refused "$uri/disk.img" "has no /disk.img"
image 4
refused "$uri/" "the path of the image"
"$gluster_file" "$gluster_host" "$gluster_volume" /odd.img size 1000
refused "$uri/odd.img" "no multiple of 512"
"$gluster_file" "$gluster_host" "$gluster_volume" /empty.img size 0
refused "$uri/empty.img" "no multiple of 512"

serve 51712 "gluster://bricks.example/$gluster_volume/disk.img"
grep -q "4194304 bytes" "$tmp/err.51712" || fail "not its size: $(cat "$tmp/err.51712")"
# Two writers are one too many, whoever the other is; readers share.
refused "$uri/disk.img" "in use by another process (locked)"
refused "$uri/disk.img" "in use by another process (locked)" r
"$gluster_file" "$gluster_host" "$gluster_volume" /disk.img lock 2>"$tmp/other" &&
	fail "somebody else got the lock, too"
serve 51728 "$uri/disk.img" w 1
grep -q "is shared" "$tmp/err.51728" || fail "nothing is said of a shared disk"
unserve "$served"
kill "$(pgrep -f vbd/7/51712)"
wait_for 20 eval '! pgrep -f vbd/7/51712'
serve 51712 "$uri/disk.img" r
first=$served
serve 51728 "$uri/disk.img" r
unserve "$served"
unserve "$first"
"$gluster_file" "$gluster_host" "$gluster_volume" /disk.img lock >"$tmp/other" &
other=$!
cleanup_fn eval "kill $other 2>/dev/null || :"
wait_for 20 grep -q locked "$tmp/other"
refused "$uri/disk.img" "in use by another process (locked)"
kill $other

# By the Unix socket of glusterd; its bricks are reached by TCP all the same.
serve 51712 "gluster+unix:///$gluster_volume/disk.img?socket=/run/glusterd.socket"
unserve "$served"

# Write-behind, unless it passes on what is written with O_DIRECT; who only reads has nothing to lose.
volume_set performance.write-behind on
refused "$uri/disk.img" "gluster volume set vol performance.write-behind off"
serve 51712 "$uri/disk.img" r
unserve "$served"
volume_set performance.strict-o-direct on
serve 51712 "$uri/disk.img"
unserve "$served"
volume_set client.ssl on
refused "$uri/disk.img" "TLS"
gluster_ volume stop "$gluster_volume"
refused "$uri/disk.img" "vol"
echo "images are attached, or refused with the reason"

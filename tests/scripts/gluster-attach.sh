#!/bin/bash
# SPDX-License-Identifier: MIT
# Attaching images on a GlusterFS volume: what cannot be served is refused in one line that names
# what to do, in time. Needs only the store, and so serves unconfined but for the process that
# asks glusterd.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/gluster-functions.sh"
. "$(dirname "$0")/disk-functions.sh"
requires test -e "$builddir/backends/blk/.libs/blk-gluster.so"
gluster_requires
begin_store

# Names.
refused "no transport rdma" gluster+rdma://host/vol/a
refused 'port "0"' gluster://host:0/vol/a
refused "the volume is missing" gluster://host
refused '".."' gluster://host/vol/../a
refused "debug= is QEMU's" "gluster://host/vol/a?debug=9"

ip link set lo up
uri=gluster://$gluster_host/$gluster_volume
refused "cannot be reached" "$uri/disk.img"
start_glusterd
mkdir -p "$gluster_dir/brick1"
refused "has no volume vol" "$uri/disk.img"
# By name: glusterd names its bricks as they were named when the volume was made.
gluster_names "$gluster_host bricks.example"
gluster_brick_host=bricks.example
start_volume 1 plain
refused "has no /disk.img" "$uri/disk.img"
image 4
refused "the path of the image" "$uri/"
"$gluster_file" "$gluster_host" "$gluster_volume" /odd.img size 1000
refused "no multiple of 512" "$uri/odd.img"
"$gluster_file" "$gluster_host" "$gluster_volume" /empty.img size 0
refused "no multiple of 512" "$uri/empty.img"

serve 51712 "gluster://bricks.example/$gluster_volume/disk.img"
grep -q "4194304 bytes" "$tmp/err.51712" || fail "not its size: $(cat "$tmp/err.51712")"
# Two writers are one too many, whoever the other is; readers share.
refused "in use by another process (locked)" "$uri/disk.img"
refused "in use by another process (locked)" "$uri/disk.img" r
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
refused "in use by another process (locked)" "$uri/disk.img"
kill $other

# By the Unix socket of glusterd; its bricks are reached by TCP all the same.
serve 51712 "gluster+unix:///$gluster_volume/disk.img?socket=/run/glusterd.socket"
unserve "$served"

# Write-behind, unless it passes on what is written with O_DIRECT; who only reads has nothing to lose.
volume_set performance.write-behind on
refused "gluster volume set vol performance.write-behind off" "$uri/disk.img"
serve 51712 "$uri/disk.img" r
unserve "$served"
volume_set performance.strict-o-direct on
serve 51712 "$uri/disk.img"
unserve "$served"
volume_set client.ssl on
refused "TLS" "$uri/disk.img"
gluster_ volume stop "$gluster_volume"
refused "vol" "$uri/disk.img"
echo "images are attached, or refused with the reason"

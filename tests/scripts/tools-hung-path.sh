#!/bin/bash
# SPDX-License-Identifier: MIT
# A disk on a file system whose server stopped to answer: the toolstack says so, and goes on.
# The file system is one of FUSE that nobody serves, in a mount namespace of the test's own.
if [ -z "${SLUICE_TEST_MOUNTS-}" ]; then
	unshare --mount true || { echo "skipped: no mount namespace here"; exit 77; }
	SLUICE_TEST_MOUNTS=1 exec unshare --mount "$BASH" "$0"
fi
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v python3
requires test -w /dev/fuse
requires_stack
mkdir "$tmp/hung"
python3 -c 'import ctypes, os, sys, time
fuse = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"hung", sys.argv[1].encode(), b"fuse", 6, b"fd=%d,rootmode=40000,user_id=0,group_id=0" % fuse) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
time.sleep(600)' "$tmp/hung" >"$tmp/fuse" 2>&1 &
server=$!
# With its server all that waits for it ends, too.
cleanup_fn eval "kill -KILL $server 2>/dev/null; umount -l '$tmp/hung' 2>/dev/null"
wait_for 20 eval "grep -q mounted '$tmp/fuse' || ! kill -0 $server 2>/dev/null"
grep -q mounted "$tmp/fuse" || skip "FUSE cannot be mounted here: $(cat "$tmp/fuse")"

status=0
timeout -k 1 100 "$sluice" exec --disk="$tmp/hung/disk.img" -- true >"$tmp/out" 2>&1 || status=$?
cat "$tmp/out"
[ $status = 125 ] || fail "status $status"
grep -qF "$tmp/hung/disk.img does not answer" "$tmp/out" || fail "it does not say why"
kill -KILL $server
wait $server 2>/dev/null || :
assert_tidy 20

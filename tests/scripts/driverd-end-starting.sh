#!/bin/bash
# SPDX-License-Identifier: MIT
# A backend whose storage does not answer has not started yet, and ends all the same as soon as
# it is told to: with the daemon, and with its device.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
command -v python3 >/dev/null || skip "python3 is not installed"
[ -e "$builddir/backends/blk/.libs/blk-nbd.so" ] || skip "built without libnbd"
start_store
make_backend
"$builddir/hypervisor/sluice-hypervisor" --control="$tmp/control" 2>"$tmp/log/hypervisor" &
cleanup_fn end_process $!
mkdir -p "$tmp/dom/1"
wait_for 10 "$builddir/tests/peers/hv-tool" create "$tmp/control" "$tmp/dom/1/hypervisor.sock" 1
export LD_LIBRARY_PATH=$builddir/hypervisor/process/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export SLUICE_HYPERVISOR=$tmp/dom/1/hypervisor.sock
# Takes connections, tells of each, and says nothing to them.
python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8)
held = []
while True:
    held.append(s.accept()[0]); print("met", flush=True)' "$tmp/mute.sock" >"$tmp/met" &
cleanup_fn end_process $!
wait_for 20 test -S "$tmp/mute.sock"
met () { [ "$(grep -c met "$tmp/met")" -ge "$1" ]; }
disk () { add_leaf vbd "$1" 51712 params "nbd+unix:///?socket=$tmp/mute.sock" mode w; }
ended () { logged "vbd-$1-51712: backend .* exited with status 0"; }

disk 2
disk 3
start_driverd --backend-program=vbd="$builddir/backends/blk/sluice-blk"
wait_for 60 met 2
xs rm "$dd/backend/vbd/2/51712"
wait_for 60 logged 'vbd-2-51712: backend [0-9]* [ew]'
kill "$driverd_pid"
wait "$driverd_pid" || fail "the daemon ended with status $?"
! logged 'signal' || fail "one was killed"
ended 2 || fail "how did that of the device that went end?"
ended 3 || fail "how did the other one end?"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Two driver domains side by side, each allowed a directory: each serves the disks in its own
# and cannot open the other's; one that is killed comes back, the other does not notice.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
hv=$builddir/hypervisor/sluice-hypervisor
init=$builddir/hypervisor/process/sluice-domain-init
hv_tool=$builddir/tests/peers/hv-tool
for program in "$hv" "$init" "$hv_tool" "$builddir/backends/blk/sluice-blk"; do
	requires test -x "$program"
done
: >"$tmp/log/driverd"
mkdir -p "$tmp/one" "$tmp/two" "$tmp/dom/1"
truncate -s 4M "$tmp/one/disk" "$tmp/two/disk"
confined () { "$init" --run-dir="$tmp/dom" --domain-dir="$tmp/dom/1" --confined "$@"; }
out=$(confined -- true 2>&1) || skip "no domain can be confined here: $out"
rm -r "$tmp/dom/1"

"$hv" --control="$tmp/control" 2>"$tmp/log/hypervisor" &
cleanup_fn end_process $!
start_store
for d in 1 2; do wait_for 10 "$hv_tool" create "$tmp/control" "$tmp/dom/$d/hypervisor.sock" $d; done
home=/local/domain/2
xs chmod $home n2 && xs write $home/backend "" && xs chmod $home/backend n0 r2
xs write $home/error "" && xs chmod $home/error n2

# start_domain N DIR: its daemon, in $daemon.
start_domain () {
	mkdir -p -m 700 "$tmp/dom/$1/driverd"
	SLUICE_LOG=info "$init" --run-dir="$tmp/dom" --domain-dir="$tmp/dom/$1" --allow="$2" \
		--allow-ro="$(realpath "$builddir")" -- \
		"$(realpath "$driverd")" --run-dir="$tmp/dom/$1/driverd" 2>>"$tmp/log/$1" &
	daemon=$!
	cleanup_fn end_process "$daemon"
}
# served DOMAIN LEAF: its backend waits for the guest. The state is ours to reset.
served () { [ "$(xs read "/local/domain/$1/backend/$2/state")" = 2 ]; }
refused () { xs read "/local/domain/$1/error/backend/$2/error" >"$tmp/error" 2>/dev/null; }

add_leaf vbd 3 1 params "$tmp/one/disk" type phy mode w
add_leaf vbd 3 2 params "$tmp/two/disk" type phy mode w
dd=/local/domain/2
own_leaf () { xs chmod "$dd/backend/$1" n2 r3; local n; for n in $(xs list "$dd/backend/$1"); do xs chmod "$dd/backend/$1/$n" n2 r3; done; }
add_leaf vbd 3 1 params "$tmp/two/disk" type phy mode w
own_leaf vbd/3/1

start_domain 1 "$tmp/one"
first=$daemon
start_domain 2 "$tmp/two"
wait_for 20 served 1 vbd/3/1
wait_for 20 served 2 vbd/3/1
wait_for 20 refused 1 vbd/3/2
grep -q 'no such file' "$tmp/error" || fail "the disk of the other: $(cat "$tmp/error")"
! served 1 vbd/3/2 || fail "it serves the disk of the other"

# The first one's init is killed: it comes back with what it had, the second one goes on.
starts () { grep -c 'started backend' "$tmp/log/$1"; }
before=$(starts 2)
kill -KILL "$first"
wait "$first" 2>/dev/null || :
xs write /local/domain/1/backend/vbd/3/1/state 1
start_domain 1 "$tmp/one"
wait_for 20 served 1 vbd/3/1
served 2 vbd/3/1 || fail "the other domain noticed"
[ "$(starts 2)" = "$before" ] || fail "the other domain's backend was started again"

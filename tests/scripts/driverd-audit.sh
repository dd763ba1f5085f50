#!/bin/bash
# SPDX-License-Identifier: MIT
# --audit says what a backend can reach: of one that confined itself, and of one that did not.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
hv=$builddir/hypervisor/sluice-hypervisor
tool=$builddir/tests/peers/hv-tool
blk=$builddir/backends/blk/sluice-blk
[ "$(id -u)" = 0 ] || skip "only root sees the descriptors of others"
requires grep -q HAVE_LIBSECCOMP "$builddir/config.h"
requires unshare --user true

audit () { status=0; "$driverd" --audit --run-dir="$tmp/run" >"$tmp/audit" 2>&1 || status=$?; }
has () { grep -qE -- "$1" "$tmp/audit" || fail "the audit lacks \"$1\": $(cat "$tmp/audit")"; }

audit
[ "$status" = 0 ] && [ ! -s "$tmp/audit" ] || fail "status $status without backends: $(cat "$tmp/audit")"
status=0
"$driverd" --audit --run-dir="$tmp/none" 2>"$tmp/err" || status=$?
[ "$status" = 2 ] && grep -q "$tmp/none" "$tmp/err" || fail "status $status without a directory"

"$hv" --control="$tmp/control" 2>"$tmp/log/hypervisor" &
cleanup_fn end_process $!
mkdir -p "$tmp/dom/1" "$tmp/dom/2"
wait_for 10 "$tool" create "$tmp/control" "$tmp/dom/1/hypervisor.sock" 1
"$tool" create "$tmp/control" "$tmp/dom/2/hypervisor.sock" 2
export LD_LIBRARY_PATH=$builddir/hypervisor/process/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export SLUICE_HYPERVISOR=$tmp/dom/1/hypervisor.sock
# Of kind vbd the backend as it is, of kind qdisk one that is told not to confine itself.
make_backend
printf '#!/bin/sh\nexec "%s" --confine=no "$@"\n' "$blk" >"$tmp/loose"
chmod +x "$tmp/loose"
start_store
start_driverd --backend-program=vbd="$blk" --backend-program=qdisk="$tmp/loose"
truncate -s 1M "$tmp/a" "$tmp/b"
add_leaf vbd 2 51712 mode w params "$tmp/a"
wait_for 20 state_is vbd/2/51712 2
wait_for 10 grep -q CONFINED= "$tmp/run/vbd-2-51712.lock"
audit
[ "$status" = 0 ] || fail "status $status: $(cat "$tmp/audit")"
has '^vbd-2-51712: process [0-9]+, '
has '^  it said .*namespaces, .*seccomp'
has '^  store +its device alone'
has '^  namespaces +own: user mnt net ipc uts cgroup'
has '^  root directory +empty'
has '^  capabilities +none'
has '^  new privileges +none'
has '^  seccomp +filter'
has '^  limits +core file size 0, open files [0-9]'
has "^ +[0-9]+  read and write +$tmp/a$"
has '^ +4  read  .*vbd-2-51712.lock \(lock\)'
has '^ +5  read and write +socket:.*its guest alone'
has '^ +7 .*its device alone'
has '^store-gate: process [0-9]+, '
[ "$(grep -c '^  => confined$' "$tmp/audit")" = 2 ] || fail "the gate is not confined: $(cat "$tmp/audit")"
has '^  => confined$'
# Of what the backend needs there are no other files.
others=$(grep -E "^ +[0-9]+  [a-z]" "$tmp/audit" | grep -F / | grep -vE "$tmp/(a|run/|log/)| /dev/null| anon_inode| /memfd:" || true)
[ -z "$others" ] || fail "open besides: $others"

add_leaf qdisk 2 51728 mode w params "$tmp/b"
wait_for 20 state_is qdisk/2/51728 2
audit
[ "$status" = 1 ] || fail "status $status with one that is not confined"
sed -i '/^vbd-2/,/=>/d' "$tmp/audit"
has '^qdisk-2-51728: process'
has 'nothing of being confined'
has '^  seccomp +none'
has '^  => NOT CONFINED'

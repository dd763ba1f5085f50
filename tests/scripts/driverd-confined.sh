#!/bin/bash
# SPDX-License-Identifier: MIT
# What a backend that was taken over tries, once confined as backends are, and once free:
# there all of it works, so that here each attempt is known to be refused.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
hv=$builddir/hypervisor/sluice-hypervisor
tool=$builddir/tests/peers/hv-tool
escape=$builddir/tests/peers/escape
[ "$(id -u)" = 0 ] || skip "only root may do all of it unconfined"
requires grep -q HAVE_LIBSECCOMP "$builddir/config.h"
requires unshare --user true

"$hv" --control="$tmp/control" 2>"$tmp/log/hypervisor" &
cleanup_fn end_process $!
mkdir -p "$tmp/dom/1" "$tmp/dom/2" "$tmp/dom/3"
wait_for 10 "$tool" create "$tmp/control" "$tmp/dom/1/hypervisor.sock" 1
for d in 2 3; do "$tool" create "$tmp/control" "$tmp/dom/$d/hypervisor.sock" $d; done
export LD_LIBRARY_PATH=$builddir/hypervisor/process/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# Guests 2 and 3 share a page with the driver domain; 3's process is one to interfere with.
for d in 2 3; do
	SLUICE_HYPERVISOR=$tmp/dom/$d/hypervisor.sock "$escape" --share "$tmp/ref$d" &
	guest=$!
	cleanup_fn end_process $guest
	wait_for 10 test -s "$tmp/ref$d"
done
sleep 1000 &
victim=$!
cleanup_fn end_process $victim
echo secret >"$tmp/secret"
export ESCAPE_VICTIM=$victim ESCAPE_OTHER=$guest ESCAPE_SECRET=$tmp/secret \
	ESCAPE_HYPERVISOR=$tmp/dom/1/hypervisor.sock ESCAPE_OUT=$tmp/confined ESCAPE_FREE_OUT=$tmp/free \
	ESCAPE_OWN_REF=$(cat "$tmp/ref2") ESCAPE_OTHER_REF=$(cat "$tmp/ref3") \
	SLUICE_HYPERVISOR=$tmp/dom/1/hypervisor.sock

# Nodes that are this domain's to the store: of another device, a toolstack's of its own, another
# guest's that it shares, and what is the domain's.
other=$dd/backend/other/3/1
shared=/local/domain/3/device/vbd/1
export ESCAPE_NODES="backend/other/3/1 $other/state $shared/state $dd/data data/x"
export ESCAPE_STORE=$tmp/dom/1/store.sock ESCAPE_GATE=$tmp/run/store-gate.sock
make_backend
start_store
# As its pid namespace's first process the stand-in does not hear SIGTERM.
start_driverd --backend-program=vbd="$escape" --kill-backends-with-daemon
xs write "$other/state" 4 "$shared/state" 4 "$dd/data/x" 1
for node in "$dd/backend/other" "$dd/backend/other/3" "$other" "$other/state" "$dd/data" "$dd/data/x"; do
	xs chmod "$node" n1
done
for node in "$shared" "$shared/state"; do xs chmod "$node" n1 b3; done

# Free, in a mount namespace that its mounts die with.
XENSTORED_PATH=$ESCAPE_STORE unshare --mount "$escape" --free || fail "the free one ended with status $?"
grep -v ' done$' "$tmp/free" | grep -qv '^end$' && fail "free, these do not work: $(grep -v ' done$' "$tmp/free")"
xs write "$other/state" 4 "$shared/state" 4 "$dd/data/x" 1
for node in "$other" "$other/state" "$dd/data" "$dd/data/x" "$shared" "$shared/state"; do
	xs chmod "$node" n1 b3
done
xs ls -fp / >"$tmp/before"

# Confined, by the daemon, in the place of guest 2's backend.
add_leaf vbd 2 51712
wait_for 20 grep -q '^end$' "$tmp/confined"
bad=
while read -r name how; do
	case $name:$how in
	end:|\**:done) ;;
	\**|*:done) bad+=" $name:$how" ;;
	*:EPERM|*:EACCES) ;;
	*) bad+=" $name:$how" ;;
	esac
done <"$tmp/confined"
[ -z "$bad" ] || fail "confined it is not as it has to be:$bad"
[ "$(wc -l <"$tmp/confined")" = "$(wc -l <"$tmp/free")" ] || fail "not all was tried"
for node in "$other" "$shared" "$dd/data"; do
	grep "^$node" "$tmp/before" >"$tmp/node-before"
	xs ls -fp / | grep "^$node" >"$tmp/node-after"
	cmp "$tmp/node-before" "$tmp/node-after" || fail "$node changed"
done
echo "$(grep -c 'EPERM\|EACCES' "$tmp/confined") attempts refused"

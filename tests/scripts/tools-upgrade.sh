#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice backend-upgrade says for each device what happened, and its exit status is the worst.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
source "$(dirname "$0")/driverd-upgrade-functions.sh"
sluice=$builddir/tools/sluice
requires test -x "$sluice"
# upgrade STATUS ARGUMENT..: what it says goes to $tmp/said.
upgrade () {
	local want=$1 status=0; shift
	"$sluice" backend-upgrade "--store=$tmp/store.sock" "$@" >"$tmp/said" 2>&1 || status=$?
	[ $status = "$want" ] || fail "backend-upgrade $*: status $status: $(cat "$tmp/said")"
}
said () { grep -q -e "$1" "$tmp/said" || fail "no \"$1\" in: $(cat "$tmp/said")"; }
start_store
make_build one t-1
xs write /local/domain/2/name alpha
add_leaf vbd 2 51712
add_leaf vif 2 0
add_leaf console 3 1
start_driverd
for d in vbd-2-51712 vif-2-0 console-3-1; do wait_for 10 logged "$d: backend .* is ready"; done

make_build two t-1
upgrade 0
said '^alpha xvda  *replaced ([0-9]* ms without service)$'
said '^alpha vif0  *replaced'
said '^domain 3 console1  *replaced'
[ "$(wc -l <"$tmp/said")" = 3 ] || fail "$(cat "$tmp/said")"
for d in vbd/2/51712 vif/2/0 console/3/1; do builds_are $d "one two" || fail "$d: $(builds $d)"; done

# One guest's, one device's, by other names.
make_build three t-1
upgrade 0 alpha xvda
upgrade 0 2 d0
upgrade 0 2 vif0
upgrade 0 3
builds_are vbd/2/51712 "one two three three" || fail "$(builds vbd/2/51712)"
builds_are vif/2/0 "one two three" || fail "$(builds vif/2/0)"
builds_are console/3/1 "one two three" || fail "$(builds console/3/1)"
upgrade 1 beta
said 'beta.*no such device'
upgrade 1 alpha xvdb

# A bad build stops at the first device, unless it is told to go on.
make_build bad t-1 crash
upgrade 2
said 'the new build failed, the old one serves again ([0-9]* ms without service): the new build exited with status 70'
said '^The other 2 are left as they are'
[ "$(grep -c ' bad$' "$tmp/log/starts")" = 1 ] || fail "it went on"
upgrade 2 --keep-going
[ "$(grep -c ' bad$' "$tmp/log/starts")" = 4 ] || fail "it did not go on"
make_build other t-9
upgrade 2 alpha xvda
said 'not replaced, the old build goes on (0 ms without service): the new build goes on with journals of t-9'
make_build anew t-1 anew
upgrade 3 alpha xvda
said 'the guest has to connect again'

# Without a daemon nobody answers, and the question does not stay.
kill -KILL "$driverd_pid"
upgrade 1 alpha vif0
said 'no answer'
xs exists "$dd/backend/vif/2/0/upgrade" && fail "the question is left behind"
for d in vbd/2/51712 vif/2/0 console/3/1; do end_process "$(backend_pid $d)"; done
status=0
"$sluice" backend-upgrade --store=/nowhere 2>"$tmp/said" || status=$?
[ $status = 1 ] || fail "a store that is not there: $status"
said /nowhere

#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-net is replaced under traffic by sluice backend-upgrade: no buffer is lost or answered twice.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/blk-survive-functions.sh"
stack=$builddir/tests/peers/net-stack
net_survivor=$builddir/tests/peers/net-survivor
requires test -x "$stack"
requires test -x "$net_survivor"
SLUICE_LOG=info timeout -k 5 300 "$stack" --vif=attach=null,device=echo \
	--guest="exec '$net_survivor' 200 '$tmp/enough'" >"$tmp/out" 2>"$tmp/log" &
guest=$!
cleanup_fn sh -c "kill $guest 2>/dev/null"
wait_for 30 grep -q ^connected "$tmp/out"
store=$(tr '\0' '\n' <"/proc/$(process_below "$guest" sluice-store)/cmdline" | sed -n 's/^--socket=//p')
for n in 1 2 3; do
	sleep "0.$((RANDOM % 30 + 10))"
	old=$(process_below "$guest" sluice-net)
	"$sluice" backend-upgrade "--store=$store" 2 vif0 || { tail -20 "$tmp/log"; fail "backend-upgrade"; }
	[ "$(process_below "$guest" sluice-net)" != "$old" ] || fail "it was not replaced"
	[ "$(grep -c 'resumed: domain' "$tmp/log")" = $n ] || fail "it did not go on: $(tail -5 "$tmp/log")"
done
touch "$tmp/enough"
wait "$guest" || fail "$(cat "$tmp/out"; tail -20 "$tmp/log")"
grep ^survived "$tmp/out" || fail "$(cat "$tmp/out")"

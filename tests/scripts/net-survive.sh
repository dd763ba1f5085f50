#!/bin/bash
# SPDX-License-Identifier: MIT
# The network backend is killed under traffic at random moments: the guest sees pauses, lost
# packets and packets that come twice, and nothing else. SLUICE_KILLS: how often, each way.
source "$(dirname "$0")/functions.sh"
stack=$builddir/tests/peers/net-stack
survivor=$builddir/tests/peers/net-survivor
requires test -x "$stack"
requires test -x "$survivor"
kills=${SLUICE_KILLS:-3}

# The backend below a process of ours, by walking down: others may run here, too.
backend_below () {
	local child
	for child in $(ps -o pid= --ppid "$1"); do
		if [ "$(cat "/proc/$child/comm" 2>/dev/null)" = sluice-net ]; then echo "$child"; return 0; fi
		backend_below "$child" && return 0
	done
	return 1
}
kill_backend () {
	local pid
	pid=$(backend_below "$guest") || return 1
	kill -9 "$pid"
}
guest_resumed () {
	[ "$(grep -c 'resumed: domain' "$tmp/log")" -ge "$1" ] || grep -q FAILED "$tmp/out"
}
# survive NAME OPTION..
survive () {
	local name=$1 i; shift
	rm -f "$tmp/enough" "$tmp/out"
	SLUICE_LOG=info timeout -k 5 500 "$stack" --vif=attach=null,device=echo \
		--guest="exec '$survivor' 400 '$tmp/enough' $*" >"$tmp/out" 2>"$tmp/log" &
	guest=$!
	cleanup_fn sh -c "kill $guest 2>/dev/null"
	wait_for 30 grep -q ^connected "$tmp/out"
	for ((i = 1; i <= kills; i++)); do
		sleep "0.$((RANDOM % 90 + 10))"
		wait_for 10 kill_backend
		wait_for 30 guest_resumed $i
	done
	touch "$tmp/enough"
	if ! wait "$guest" || ! grep -q ^survived "$tmp/out"; then
		cat "$tmp/out"
		tail -40 "$tmp/log"
		fail "$name: the guest did not survive"
	fi
	grep -q 'connect again' "$tmp/log" && fail "$(grep 'connect again' "$tmp/log")"
	echo "$name, $kills kills: $(grep ^survived "$tmp/out")"
}
survive "one queue"
survive "two queues, small packets" queues=2 bytes=200
survive "one channel, large packets" split=0 bytes=60000

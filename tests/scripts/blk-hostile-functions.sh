# SPDX-License-Identifier: MIT
# For the blk-hostile tests, after functions.sh.
# A guest domain runs hostile-blkfront against its first disk; its second disk is the
# bystander. What the backends logged is in $tmp/log.
hostile=$builddir/tests/peers/hostile-blkfront
victim=/local/domain/1/backend/vbd/2/51712 # in the store
broken='(killed|ended) by signal|exited with status [1-9]|Sanitizer|runtime error'
expected_deaths=0
export XDG_RUNTIME_DIR=$tmp/run
mkdir -m 700 "$XDG_RUNTIME_DIR"

# toolstack FUNCTION: what it does to the victim's nodes, with the store's socket in
# XENSTORED_PATH, before the frontend begins.
toolstack () {
	store () { [ -S "$(echo "$XDG_RUNTIME_DIR"/*/*/store.sock)" ]; }
	wait_for 30 store
	XENSTORED_PATH=$(echo "$XDG_RUNTIME_DIR"/*/*/store.sock)
	export XENSTORED_PATH
	wait_for 30 sh -c "[ \"\$(xenstore-read $victim/state)\" = 2 ]"
	"$1"
	unset XENSTORED_PATH
	touch "$tmp/begin"
}
# run_hostile GROUP [DISK-OPTIONS [FUNCTION]]
run_hostile () {
	local group=$1 options=${2-} function=${3-} status=0 stack
	truncate -s 16M "$tmp/victim.img"
	head -c 16M /dev/urandom >"$tmp/bystander.img"
	cp "$tmp/bystander.img" "$tmp/bystander.before"
	[ -n "$function" ] || touch "$tmp/begin"
	cat >"$tmp/guest" <<-EOT
	#!/bin/bash
	for ((i = 0; i < 1200; i++)); do [ -e '$tmp/begin' ] && break; sleep 0.05; done
	exec '$hostile' '$group'
	EOT
	chmod +x "$tmp/guest"
	timeout -k 5 300 "$builddir/tools/sluice" exec --log-level=warning \
		--disk="$tmp/victim.img$options" --disk="$tmp/bystander.img" -- \
		"$tmp/guest" >"$tmp/log" 2>&1 &
	stack=$!
	cleanup_fn eval "kill $stack 2>/dev/null; wait $stack 2>/dev/null || :"
	[ -z "$function" ] || toolstack "$function"
	wait "$stack" || status=$?
	cat "$tmp/log"
	[ $status -eq 0 ] || fail "hostile-blkfront $group ended with $status"
	# A backend that crashed and was started again would go unnoticed otherwise.
	if [ "$(grep -cE "$broken" "$tmp/log")" -ne "$expected_deaths" ]; then
		grep -E "$broken" "$tmp/log" || :
		fail "a program of the stack broke"
	fi
	# The storage is sound: what it refuses should not have come so far.
	if grep -E '(read|write|flush|discard|zero) of [0-9]+ bytes at [0-9]+ failed' "$tmp/log"; then
		fail "a request that breaks a rule reached the storage"
	fi
	# The bystander itself writes 64 KiB at 1 MiB.
	cmp -n $((1 << 20)) "$tmp/bystander.img" "$tmp/bystander.before" &&
		cmp -i $(((1 << 20) + 65536)) "$tmp/bystander.img" "$tmp/bystander.before" ||
		fail "the bystander's disk changed"
}
# logged TEXT: the reason is in the backend's log.
logged () { grep -qF -- "$1" "$tmp/log" || fail "the log lacks: $1"; }

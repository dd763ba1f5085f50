# SPDX-License-Identifier: MIT
# For the blk-hostile tests, after functions.sh: run_hostile GROUP [DISK-OPTIONS].
# A guest domain runs hostile-blkfront against its first disk; its second disk is the
# bystander. What the backends logged is in $tmp/log.
run_hostile () {
	local group=$1 options=${2-}
	truncate -s 16M "$tmp/victim.img" "$tmp/bystander.img"
	local status=0
	timeout -k 5 300 "$builddir/tools/sluice" exec --log-level=warning \
		--disk="$tmp/victim.img$options" --disk="$tmp/bystander.img" -- \
		"$builddir/tests/peers/hostile-blkfront" "$group" >"$tmp/log" 2>&1 || status=$?
	cat "$tmp/log"
	[ $status -eq 0 ] || fail "hostile-blkfront $group ended with $status"
	# A backend that crashed and was started again would go unnoticed otherwise.
	if grep -E '(killed|ended) by signal|exited with status [1-9]|Sanitizer|runtime error' "$tmp/log"; then
		fail "a program of the stack broke"
	fi
}
# logged TEXT: the reason is in the backend's log.
logged () { grep -qF -- "$1" "$tmp/log" || fail "the log lacks: $1"; }

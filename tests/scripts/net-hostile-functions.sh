# SPDX-License-Identifier: MIT
# For the net-hostile tests, after functions.sh.
# A guest domain runs hostile-netfront against its first interface; its second one is the
# bystander. Both ports send back what they are sent. What the backends logged is in $tmp/log.
hostile=$builddir/tests/peers/hostile-netfront
broken='(killed|ended) by signal|exited with status [1-9]|Sanitizer|runtime error'
export XDG_RUNTIME_DIR=$tmp/run
mkdir -m 700 "$XDG_RUNTIME_DIR"

# run_hostile GROUP
run_hostile () {
	local status=0
	timeout -k 5 300 "$builddir/tests/peers/net-stack" \
		--vif=guest=0,handle=0,attach=null,device=echo \
		--vif=guest=0,handle=1,attach=null,device=echo \
		--guest="exec '$hostile' $1" >"$tmp/log" 2>&1 || status=$?
	cut -c 1-400 "$tmp/log"
	if [ $status -eq 125 ]; then
		grep -qE 'cannot be confined|not permitted|/dev/net/tun' "$tmp/log" && skip "no network driver domain here"
	fi
	[ $status -eq 0 ] || fail "hostile-netfront $1 ended with $status"
	# A backend that crashed and was started again would go unnoticed otherwise.
	if grep -E "$broken" "$tmp/log"; then fail "a program of the stack broke"; fi
}
# logged TEXT: the reason is in the backend's log.
logged () { grep -qF -- "$1" "$tmp/log" || fail "the log lacks: $1"; }

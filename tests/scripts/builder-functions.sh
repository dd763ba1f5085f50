# SPDX-License-Identifier: MIT
# For tests of the domain builder: source it after functions.sh.
# shellcheck shell=bash
peer=$builddir/tests/peers/build-peer
builder=$builddir/hypervisor/build/sluice-builder

# build [NAME=NUMBER].. [-- OPTION..] 3<KERNEL: run the builder; its words are in $tmp/err
build () {
	local numbers=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do numbers+=("$1"); shift; done
	[ $# = 0 ] || shift
	"$peer" run "${numbers[@]}" -- "$builder" --hypervisor-fd=10 --kernel-fd=3 "$@" 2>"$tmp/err"
}
# refuses WHY [NAME=NUMBER].. [-- OPTION..] 3<KERNEL: exit status 1, no answer, one line that says WHY
refuses () {
	local why=$1 status=0; shift
	build "$@" >"$tmp/out" || status=$?
	[ $status = 1 ] || fail "$why: status $status: $(cat "$tmp/err")"
	[ ! -s "$tmp/out" ] || fail "$why: answered $(cat "$tmp/out")"
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "$why: not one line: $(cat "$tmp/err")"
	grep -qF -- "$why" "$tmp/err" || fail "\"$(cat "$tmp/err")\" lacks \"$why\""
}

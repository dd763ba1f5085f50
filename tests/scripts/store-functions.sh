# SPDX-License-Identifier: MIT
# For tests of sluice-store, after functions.sh.
program=$builddir/hypervisor/store/sluice-store
export XENSTORED_PATH=$tmp/socket

# end_with_test PID: end it when the test ends, if it is still there.
end_with_test () { cleanup_fn eval "kill $1 2>/dev/null"; }

# start_store OPTION..: a store at $XENSTORED_PATH, its process in $store.
start_store () {
	"$program" --socket="$XENSTORED_PATH" "$@" 2>"$tmp/log" &
	store=$!
	end_with_test "$store"
	wait_for 5 test -S "$XENSTORED_PATH"
}

# refuses TEXT OPTION..: it does not start, and one line on stderr says why.
refuses () {
	local text=$1; shift
	! timeout 60 "$program" "$@" 2>"$tmp/err" || fail "it starts with $*"
	grep -q -- "$text" "$tmp/err" || fail "with $* it says: $(cat "$tmp/err")"
}

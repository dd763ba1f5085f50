# SPDX-License-Identifier: MIT
# For tests: source it first. Run by make check, or by hand from a build tree.
set -eu
builddir=${SLUICE_BUILDDIR:-$(pwd)}
srcdir=${SLUICE_SRCDIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/sluice-test-XXXXXX")
cleanups=()

# The exit status, once the test is on its way out: then nothing may exit, or cleanups are left out.
leaving=''

# cleanup_fn COMMAND ARG..: run it when the test ends, however it ends, last first.
cleanup_fn () { cleanups+=("$(printf '%q ' "$@")"); }
# run_cleanups STATUS: sets leaving, to 1 where one of them fails.
run_cleanups () {
	local i
	leaving=$1
	set +e
	for ((i = ${#cleanups[@]} - 1; i >= 0; i--)); do eval "${cleanups[i]}"; done
}
end_test () {
	run_cleanups "$1"
	rm -rf "$tmp"
	exit "$leaving"
}
trap 'end_test $?' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

skip () { echo "skipped: $*"; exit 77; }
# fail REASON: ends the test; in a cleanup it returns false, and the test has failed when all are done.
fail () {
	echo "FAILED: $*" >&2
	[ -n "$leaving" ] || exit 1
	leaving=1
	return 1
}
# requires COMMAND ARG..: skip the test where it does not work.
requires () { "$@" >/dev/null 2>&1 || skip "this does not work here: $*"; }
# wait_for SECONDS COMMAND ARG..: poll until it succeeds, or fail; never before half a minute, for the
# machine may be busy with others.
wait_for () {
	local n=$((($1 < 30 ? 30 : $1) * 20)); shift
	while ! "$@" >/dev/null 2>&1; do
		[ $((n--)) -gt 0 ] || { fail "timed out waiting for: $*"; return 1; }
		sleep 0.05
	done
}

# SPDX-License-Identifier: MIT
# For tests: source it first. Run by make check, or by hand from a build tree.
set -eu
builddir=${SLUICE_BUILDDIR:-$(pwd)}
srcdir=${SLUICE_SRCDIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/sluice-test-XXXXXX")
cleanups=()

# cleanup_fn COMMAND ARG..: run it when the test ends, however it ends, last first.
cleanup_fn () { cleanups+=("$(printf '%q ' "$@")"); }
run_cleanups () {
	local status=$? i
	set +e
	for ((i = ${#cleanups[@]} - 1; i >= 0; i--)); do eval "${cleanups[i]}"; done
	rm -rf "$tmp"
	exit "$status"
}
trap run_cleanups EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

skip () { echo "skipped: $*"; exit 77; }
fail () { echo "FAILED: $*" >&2; exit 1; }
# requires COMMAND ARG..: skip the test where it does not work.
requires () { "$@" >/dev/null 2>&1 || skip "this does not work here: $*"; }
# wait_for SECONDS COMMAND ARG..: poll until it succeeds, or fail.
wait_for () {
	local n=$(($1 * 20)); shift
	while ! "$@" >/dev/null 2>&1; do
		[ $((n--)) -gt 0 ] || fail "timed out waiting for: $*"
		sleep 0.05
	done
}

#!/bin/bash
# SPDX-License-Identifier: MIT
# The conformance run of one storage driver, conformance.sh DRIVER [quick | CASE..], or of all
# that are here, conformance.sh all [quick | CASE..], with a table of cases and drivers at the end.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/conformance-functions.sh"
drivers=$(cd "$srcdir/tests/scripts" && ls storage-*.sh | sed -n 's/^storage-\(.*\)\.sh$/\1/p' | grep -vx functions)
[ $# -gt 0 ] || fail "which driver? conformance.sh DRIVER|all [quick | CASE..]; drivers:" $drivers
if [ "$1" != all ]; then
	conformance "$@"
	exit 0
fi
shift
failed=''
for driver in $drivers; do
	status=0
	SLUICE_CONFORMANCE_TABLE=$tmp/all bash "$0" "$driver" "$@" >"$tmp/out" 2>&1 || status=$?
	cat "$tmp/out"
	case $status in
	0) ;;
	77) echo "all $driver skipped $(sed -n 's/^skipped: //p' "$tmp/out" | tail -n 1)" >>"$tmp/all" ;;
	*) failed="$failed $driver" ;;
	esac
done
printf '\n'
conformance_matrix "$tmp/all" $drivers
[ -z "$failed" ] || fail "drivers:$failed"

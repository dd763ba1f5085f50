#!/bin/bash
# SPDX-License-Identifier: MIT
# The conformance run of one storage driver: conformance.sh DRIVER [quick | CASE..]
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/conformance-functions.sh"
[ $# -gt 0 ] || fail "which driver? conformance.sh DRIVER [quick | CASE..]; drivers: $(cd "$srcdir/tests/scripts" &&
	ls storage-*.sh | sed -n 's/^storage-\(.*\)\.sh$/\1/p' | grep -v functions | tr '\n' ' ')"
conformance "$@"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Every test, file and function that docs/driver-domain.md names exists.
source "$(dirname "$0")/functions.sh"
page=$srcdir/docs/driver-domain.md
checked=0
while read -r name; do
	case $name in
	*.sh) [ -e "$srcdir/tests/scripts/$name" ] || [ -e "$srcdir/tests/lab/xen/$name" ] || fail "there is no test $name" ;;
	*/*.c:*) grep -qE "^[a-z].*\b${name#*:}\(" "$srcdir/${name%%:*}" || fail "$name does not exist" ;;
	*:*_*) grep -qE "^static void ${name#*:}\(" "$srcdir/tests/unit/${name%%:*}.c" || fail "there is no test $name" ;;
	esac
	checked=$((checked + 1))
done < <(grep '^|' "$page" | grep -oE '`[A-Za-z0-9_./-]+(\.sh|:[a-z0-9_]+)`' | tr -d '`' | sort -u)
[ "$checked" -ge 60 ] || fail "only $checked names were found"

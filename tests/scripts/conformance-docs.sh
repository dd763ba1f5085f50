#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/conformance.md names each case, and each storage says of each property whether it has it; the
# tests that docs/storage.md names are there.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/conformance-functions.sh"
doc=$srcdir/docs/conformance.md
for c in $conform_long; do
	declare -F "case_$c" >/dev/null || fail "there is no case $c"
	grep -qF "\`$c\`" "$doc" || fail "$(basename "$doc") does not name $c"
done
for c in $(declare -F | sed -n 's/^declare -f case_//p'); do
	# shellcheck disable=SC2086,SC2116
	case " $(echo $conform_long) " in *" $c "*) ;; *) fail "no run has the case $c" ;; esac
done
properties=$(sed -n '/^#   storage_has/,/^#   storage_start/p' "$srcdir/tests/scripts/storage-functions.sh" |
	grep -oE '\b(discard|zeroes|secure-discard|flush|4096|grow|eio|enospc|etimedout|server|stop|peek|replay)\b' | sort -u)
[ "$(wc -l <<<"$properties")" = 13 ] || fail "the properties are no longer these: $properties"
for file in "$srcdir"/tests/scripts/storage-*.sh; do
	name=$(basename "$file" .sh)
	[ "$name" != storage-functions ] || continue
	(
		use_storage "${name#storage-}"
		for p in $properties; do
			storage_why=''
			storage_has "$p" || [ -n "$storage_why" ] || fail "$name gives no reason for being without $p"
		done
	) || fail "$name does not know a property"
done
for c in $(grep -oE '`[a-z-]+\.sh`' "$srcdir/docs/storage.md" | tr -d '`' | sort -u); do
	[ -e "$srcdir/tests/scripts/$c" ] || [ -e "$srcdir/tests/lab/kvm/$c" ] || fail "docs/storage.md names $c, which is not there"
done
echo "$(wc -w <<<"$conform_long") cases"

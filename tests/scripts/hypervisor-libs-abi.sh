#!/bin/bash
# SPDX-License-Identifier: MIT
# Our libxenevtchn and libxengnttab export what the distribution's do: the same soname,
# and each name with the same symbol version.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
requires objdump --version
requires gcc --version

symbols () { objdump -T "$1" | awk '/VERS_/ && !/\*UND\*/ { print $(NF - 1), $NF }' | tr -d '()' | sort; }
soname () { objdump -p "$1" | awk '$1 == "SONAME" { print $2 }'; }

for name in xenevtchn xengnttab; do
	ours=$builddir/hypervisor/process/.libs/lib$name.so.1
	theirs=$(gcc -print-file-name="lib$name.so")
	[ -e "$ours" ] || fail "$ours is not built"
	[ -e "$theirs" ] || skip "the distribution has no lib$name.so"
	symbols "$ours" > "$tmp/ours"
	symbols "$theirs" > "$tmp/theirs"
	[ "$(wc -l < "$tmp/theirs")" -ge 12 ] || fail "could not list the symbols of $theirs"
	diff "$tmp/theirs" "$tmp/ours" || fail "lib$name: the symbols differ"
	[ "$(soname "$ours")" = "$(soname "$theirs")" ] || fail "lib$name: the sonames differ"
done

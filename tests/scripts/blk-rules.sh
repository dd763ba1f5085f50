#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/rules.md: each rule has a case, and what it names exists; no case is left out.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
doc=$srcdir/docs/rules.md
"$builddir/tests/peers/hostile-blkfront" --list | sed 's/.* //' >"$tmp/cases"
[ -s "$tmp/cases" ] || fail "hostile-blkfront lists no cases"
sed -n 's/^| *\([0-9][0-9]*\) |.*/\1/p' "$doc" >"$tmp/rules"
[ "$(cat "$tmp/rules")" = "$(seq 21)" ] || fail "the rules are not 1 to 21"
[ -z "$(sort "$tmp/cases" | uniq -d)" ] || fail "two cases have one name: $(sort "$tmp/cases" | uniq -d)"

# The words in backquotes of one rule's row.
words () { sed -n "s/^| *$1 |//p" "$doc" | grep -o '`[^`]*`' | tr -d '`'; }
check_test () { # unit test FILE:NAME
	local file=$srcdir/tests/unit/${1%%:*}.c
	[ -e "$file" ] || fail "rule $rule: there is no $file"
	grep -qE "^static void ${1#*:}\(|[ (]${1#*:}[,)]" "$file" || fail "rule $rule: no test $1"
}
check_function () { # PATH:FUNCTION
	[ -e "$srcdir/${1%%:*}" ] || fail "rule $rule: there is no ${1%%:*}"
	grep -qE "^[a-z].*[ *]${1#*:}\(" "$srcdir/${1%%:*}" || fail "rule $rule: no function $1"
}
for rule in $(seq 21); do
	found=0
	for word in $(words "$rule"); do
		case $word in
		"$(printf 'rule%02d-' "$rule")"*)
			grep -qxF -- "$word" "$tmp/cases" || fail "rule $rule: there is no case $word"
			echo "$word" >>"$tmp/named"
			found=1 ;;
		*/*:*) check_function "$word" ;;
		*:*) check_test "$word" ;;
		*) fail "rule $rule: what is $word?" ;;
		esac
	done
	[ $found = 1 ] || fail "rule $rule has no case of the hostile frontend"
done
while read -r case; do
	case $case in rule*) ;; *) continue ;; esac
	grep -qxF -- "$case" "$tmp/named" || fail "docs/rules.md does not name $case"
done <"$tmp/cases"
# A group that no script runs would be tested by nobody.
for group in $("$builddir/tests/peers/hostile-blkfront" --list | sed 's/ .*//' | sort -u); do
	grep -qE "^run_hostile $group( |\$)" "$srcdir"/tests/scripts/blk-hostile-*.sh ||
		fail "no script runs the group $group"
done
echo "$(wc -l <"$tmp/cases") cases, $(wc -l <"$tmp/named") of them of rules"

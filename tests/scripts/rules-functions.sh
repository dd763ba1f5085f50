# shellcheck shell=bash
# Sourced by the checks of the maps from rules to code and tests: docs/rules*.md.

# The words in backquotes of one rule's row: rule_words DOC RULE
rule_words () { sed -n "s/^| *$2 |//p" "$1" | grep -o '`[^`]*`' | tr -d '`'; }
rule_has_test () { # unit test FILE:NAME
	local file=$srcdir/tests/unit/${1%%:*}.c
	[ -e "$file" ] || fail "rule $rule: there is no $file"
	grep -qE "^static void ${1#*:}\(|[ (]${1#*:}[,)]" "$file" || fail "rule $rule: no test $1"
}
rule_has_function () { # PATH:FUNCTION
	[ -e "$srcdir/${1%%:*}" ] || fail "rule $rule: there is no ${1%%:*}"
	grep -qE "^[a-z].*[ *]${1#*:}\(" "$srcdir/${1%%:*}" || fail "rule $rule: no function $1"
}

# check_rules DOC NUMBER PROGRAM: rules 1 to NUMBER each have a case of the hostile PROGRAM, what
# they name exists, and no case is left out. The cases are then in $tmp/cases.
check_rules () {
	local doc=$1 number=$2 program=$3 rule word found case
	"$builddir/tests/peers/$program" --list | sed 's/.* //' >"$tmp/cases"
	[ -s "$tmp/cases" ] || fail "$program lists no cases"
	sed -n 's/^| *\([0-9][0-9]*\) |.*/\1/p' "$doc" >"$tmp/rules"
	[ "$(cat "$tmp/rules")" = "$(seq "$number")" ] || fail "the rules are not 1 to $number"
	[ -z "$(sort "$tmp/cases" | uniq -d)" ] || fail "two cases have one name: $(sort "$tmp/cases" | uniq -d)"
	for rule in $(seq "$number"); do
		found=0
		for word in $(rule_words "$doc" "$rule"); do
			case $word in
			"$(printf 'rule%02d-' "$rule")"*)
				grep -qxF -- "$word" "$tmp/cases" || fail "rule $rule: there is no case $word"
				echo "$word" >>"$tmp/named"
				found=1 ;;
			*/*:*) rule_has_function "$word" ;;
			*:*) rule_has_test "$word" ;;
			*) fail "rule $rule: what is $word?" ;;
			esac
		done
		[ $found = 1 ] || fail "rule $rule has no case of the hostile frontend"
	done
	while read -r case; do
		case $case in rule*) ;; *) continue ;; esac
		grep -qxF -- "$case" "$tmp/named" || fail "$(basename "$doc") does not name $case"
	done <"$tmp/cases"
	echo "$(wc -l <"$tmp/cases") cases, $(wc -l <"$tmp/named") of them of rules"
}

# check_units DOC FILE..: no unit test that is named after a rule is left out.
check_units () {
	local doc=$1 file name
	shift
	for file in "$@"; do
		for name in $(sed -nE 's/^static void ((test_)?rule[0-9][0-9]_[a-z0-9_]*)\(void \*\*.*/\1/p' "$file"); do
			grep -qF -- "\`$(basename "$file" .c):$name\`" "$doc" ||
				fail "$(basename "$doc") does not name $(basename "$file" .c):$name"
		done
	done
}

# check_groups PROGRAM RUNNER SCRIPT..: a group that no script runs would be tested by nobody.
check_groups () {
	local program=$1 runner=$2 group
	shift 2
	for group in $("$builddir/tests/peers/$program" --list | sed 's/ .*//' | sort -u); do
		grep -qE "^$runner $group( |\$)" "$@" || fail "no script runs the group $group"
	done
}

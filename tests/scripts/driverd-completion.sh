#!/bin/bash
# SPDX-License-Identifier: MIT
# bash completes options, their values and verbs of our programs.
source "$(dirname "$0")/functions.sh"
lib=/usr/share/bash-completion/bash_completion
requires test -r "$lib"

# complete_words PROGRAM WORD..: what the last word would become, one per line.
complete_words () {
	SLUICE_FILE=$srcdir/docs/completion/$1 bash --norc -c '
		source '"$lib"' && source "$SLUICE_FILE" || exit 1
		compopt () { :; }
		program=$1; shift
		COMP_WORDS=("$program" "$@")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		COMP_LINE="${COMP_WORDS[*]}"
		COMP_LINE=${COMP_LINE// = /=}
		COMP_POINT=${#COMP_LINE}
		name=${program##*/}
		"_${name//-/_}" "$program" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf "%s\n" "${COMPREPLY[@]}"' - "${@:2:1}" "${@:3}"
}
expect () { # WANTED PROGRAM PATH WORD..
	local want=$1; shift
	local got; got=$(complete_words "$@")
	grep -qxF -e "$want" <<<"$got" || fail "$* gave \"$got\", not \"$want\""
}
expect --run-dir= sluice-driverd sluice-driverd --ru
expect --kill-backends-with-daemon sluice-driverd sluice-driverd --k
expect --script-dir= sluice-driverd sluice-driverd --script-d
expect warning sluice-driverd sluice-driverd --log-level = w
expect warning sluice-driverd sluice-driverd -l w
expect vbd= sluice-driverd sluice-driverd -b v
[ "$(complete_words sluice-driverd sluice-driverd --run | wc -l)" = 1 ] || fail "--run completes to more than one"
if [ -x "$builddir/backends/blk/sluice-blk" ]; then
	expect --backend= sluice-blk "$builddir/backends/blk/sluice-blk" --ba
fi
if [ -x "$builddir/backends/net/sluice-net" ]; then
	expect --backend= sluice-net "$builddir/backends/net/sluice-net" --ba
	expect macvtap sluice-net "$builddir/backends/net/sluice-net" --attach = m
fi

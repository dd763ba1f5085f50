#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-netfront-tap: wrong options, its manual, its completion, and that it says what is missing.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
tap=$builddir/frontends/sluice-netfront-tap
refuses () { # TEXT OPTION..
	local text=$1 status=0; shift
	"$tap" "$@" true >"$tmp/out" 2>"$tmp/err" || status=$?
	[ $status -eq 125 ] || fail "$*: status $status"
	grep -qF -- "$text" "$tmp/err" || fail "$*: $(cat "$tmp/err")"
}
refuses 'no number from' --vif=first
refuses 'no number from' --vif=-1
refuses 'no number from' --queues=0
refuses 'no number from' --queues=9
refuses 'no number from' --mtu=67
refuses 'no number from' --poll-us=x
refuses '1 to 15 characters' --name=
refuses '1 to 15 characters' --name=a-name-that-is-too-long
refuses '1 to 15 characters' --name=a/b
refuses 'is none of' --log-level=loud
refuses 'at most 16' $(for ((i = 0; i < 17; i++)); do echo --address=10.0.0.$i/8; done)
"$tap" --nonsense true 2>/dev/null && fail "an unknown option was taken"
"$tap" --version | grep -q '^sluice-netfront-tap ' || fail "--version"

offered () { "$tap" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u; }
documented () { sed 's/\\-/-/g; s/\\f.//g' "$srcdir/docs/man/sluice-netfront-tap.1" | grep -oE -- '--[a-z][a-z-]+' | sort -u; }
diff <(offered) <(documented) || fail "its manual and its help differ"

# Outside of any domain it says so.
status=0
XENSTORED_PATH=$tmp/no-store "$tap" true 2>"$tmp/err" || status=$?
[ $status -eq 125 ] || fail "without a store: status $status"
grep -qE 'store|namespace|grant' "$tmp/err" || fail "$(cat "$tmp/err")"

[ -r /usr/share/bash-completion/bash_completion ] || { echo "no bash-completion here"; exit 0; }
complete_ () {
	bash --norc -c 'source /usr/share/bash-completion/bash_completion
		source "$1"; COMP_WORDS=("$2" "$3"); COMP_CWORD=1; COMP_LINE="$2 $3"; COMP_POINT=${#COMP_LINE}
		_sluice_netfront_tap "$2" "$3" "$2"; printf "%s\n" "${COMPREPLY[@]}"' - \
		"$srcdir/docs/completion/sluice-netfront-tap" "$tap" "$1" 2>/dev/null
}
complete_ --addr | grep -qx -- '--address=' || fail "completion of --addr: $(complete_ --addr)"

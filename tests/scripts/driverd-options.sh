#!/bin/bash
# SPDX-License-Identifier: MIT
# Wrong options are refused by name with the remedy; help and version work.
source "$(dirname "$0")/functions.sh"
driverd=$builddir/drivers-domain/sluice-driverd
requires test -x "$driverd"
refused () { # TEXT OPTION..
	local text=$1; shift
	if "$driverd" "$@" >/dev/null 2>"$tmp/err"; then fail "$* was taken"; fi
	grep -q -e "$text" "$tmp/err" || fail "$*: $(cat "$tmp/err")"
}
refused 'max-backends=0 is not a number from 1' --max-backends=0
refused 'max-backends=x is not' --max-backends=x
refused 'no such kind' --backend-program=vkbd=/bin/true
refused 'absolute path' --backend-program=vbd=true
refused 'absolute path' --backend-program=vbd
refused 'No such file' --backend-program=vbd=/nonexistent/program
refused 'none of error' --log-level=loud
refused 'ready-fd=77: Bad file' --ready-fd=77
refused 'no arguments besides' now
refused 'Try sluice-driverd --help' --no-such-option
refused 'no absolute path' --script-dir=scripts
refused 'no absolute path' --script-dir=/etc/../etc/scripts
refused 'script-seconds=0 is not' --script-seconds=0
refused 'cannot make the directory' --run-dir=/proc/none
mkdir "$tmp/open"; chmod 777 "$tmp/open"
refused 'others may write' --run-dir="$tmp/open"
"$driverd" --version | grep -q '^sluice-driverd [0-9]' || fail "--version"
"$driverd" --help >"$tmp/help" || fail "--help"
# The manual and the completion know each option that --help shows, and no other.
sed -n 's/.*\(--[a-z][a-z-]*\).*/\1/p' "$tmp/help" | sort -u >"$tmp/options"
[ "$(wc -l <"$tmp/options")" -ge 10 ] || fail "--help shows too few options"
while read -r option; do
	grep -q -e "${option//-/\\\\-}" "$srcdir/docs/man/sluice-driverd.8" || fail "$option is not in the manual"
	grep -q -e "$option" "$srcdir/docs/completion/sluice-driverd" || fail "$option is not completed"
done <"$tmp/options"
for option in $(grep -o -e '--[a-z][a-z-]*' "$srcdir/docs/completion/sluice-driverd" | sort -u); do
	grep -qx -e "$option" "$tmp/options" || fail "$option is completed but does not exist"
done

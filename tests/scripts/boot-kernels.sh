# SPDX-License-Identifier: MIT
# Files that are no kernel, memory that is too small, disks that cannot be served: one line.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
requires_vm
# one_line TEXT OPTION..
one_line () {
	local text=$1 status=0; shift
	timeout 60 "$sluice" boot "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[ $status = 1 ] || fail "status $status from: $*: $(cat "$tmp/err")"
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "not one line from: $*: $(cat "$tmp/err")"
	grep -qF -- "$text" "$tmp/err" || fail "does not say \"$text\": $(cat "$tmp/err")"
	[ ! -s "$tmp/out" ] || fail "output from: $*: $(cat "$tmp/out")"
	assert_tidy 5
}
head -c 100000 /dev/urandom >"$tmp/noise"
: >"$tmp/empty"
truncate -s 40M "$tmp/initrd"
one_line "$tmp/noise" --kernel="$tmp/noise"
one_line "$tmp/empty" --kernel="$tmp/empty"
one_line "/bin/true" --kernel=/bin/true
one_line "$tmp/initrd" --kernel="$guest" --initrd="$tmp/initrd" --memory=32
one_line "$tmp/nosuch.img" --kernel="$guest" --disk="$tmp/nosuch.img"
one_line "nosuch" --kernel="$guest" --disk="$tmp/noise,driver=nosuch"

#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice console: options and errors; a console whose backend was killed is served again, and what
# was said before is still there to be seen.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/tools-functions.sh"
source "$(dirname "$0")/boot-functions.sh"

error_is () {
	local want=$1 out status=0; shift
	out=$("$sluice" console "$@" </dev/null 2>&1) || status=$?
	[ $status = 1 ] && grep -qF -- "$want" <<<"$out" || fail "console $*: status $status, $out"
}
error_is "which vm?"
error_is "which vm?" a b
error_is "is no key" --escape=two a
error_is "is no console's number" --num=x a
error_is "is no option" --loud a
error_is "needs no keyboard" --read-only --force a
error_is "ghost" ghost
requires_vm

backend_below () {
	local child
	for child in $(ps -o pid= --ppid "$1"); do
		if [ "$(cat "/proc/$child/comm" 2>/dev/null)" = sluice-console ]; then echo "$child"; return 0; fi
		backend_below "$child" && return 0
	done
	return 1
}
# talk TEXT OPTION..: type it at the console's prompt, in the background; what is seen is in $tmp/seen.
talk () {
	local text=$1; shift
	: >"$tmp/seen"
	{ wait_for 60 says "$tmp/seen" obeying; echo "$text"; wait_for 60 [ -e "$tmp/done" ]; } |
		"$sluice" console "$@" beta >"$tmp/seen" 2>"$tmp/seen.err" &
	client=$!
	cleanup_fn eval "kill $client 2>/dev/null"
}
boot_in_background "$tmp/log" obey --name=beta --console="$tmp/file"
wait_for 60 says "$tmp/file" obeying
error_is "beta has no console 2" --num=2 beta
# What a backend names is no reason to open any device.
if command -v xenstore-write >/dev/null; then
	store=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*/store.sock)
	named () { XENSTORED_PATH=$store xenstore-write "/local/domain/$(domid beta)/device/console/2/backend" /tool/named /tool/named/tty "$1"; }
	named /dev/zero
	error_is "/dev/zero does not answer: Inappropriate ioctl for device" --num=2 beta
	XENSTORED_PATH=$store xenstore-rm "/local/domain/$(domid beta)/device/console/2"
fi

for round in 1 2 3; do
	talk "hello $round" -e none
	wait_for 60 says "$tmp/seen" "hello $round"
	kill $client
	pid=$(backend_below $booted)
	kill -9 "$pid"
	wait_for 30 eval '[ "$(grep -c "is served again" "$tmp/log")" = $round ]'
done
# All of it was kept over three deaths, once each.
talk "hello 4"
wait_for 60 says "$tmp/seen" "hello 4"
[ "$(grep -c obeying "$tmp/seen")" = 1 ] || fail "the scrollback is $(cat "$tmp/seen")"
for round in 1 2 3; do says "$tmp/seen" "hello $round" || fail "the scrollback lacks hello $round: $(cat "$tmp/seen")"; done
# Somebody types: another one reads, and one that only wants to look does not take the keyboard.
first=$client
talk "not heard"
wait_for 60 says "$tmp/seen.err" "somebody else types there"
wait_for 60 says "$tmp/seen" "this one only reads"
kill $client
talk "nor this" --read-only
wait_for 60 says "$tmp/seen" "hello 4"
kill $client
talk "hello 5" --force
wait_for 60 says "$tmp/seen" "hello 5"
! says "$tmp/file" "not heard" && ! says "$tmp/file" "nor this" || fail "a reader was heard: $(cat "$tmp/file")"
touch "$tmp/done"
kill $first $client
# The log's file has it, too.
wait_for 30 says "$tmp/file" "hello 5"
"$sluice" destroy beta
wait_for 60 eval '! kill -0 $booted 2>/dev/null'
assert_tidy 10

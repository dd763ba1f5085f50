#!/bin/bash
# SPDX-License-Identifier: MIT
# Paths come to a confined domain that runs, and leave it; nothing else comes with them. Where
# links lead to what is allowed it is found under both names.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
init=$builddir/hypervisor/process/sluice-domain-init
run=$tmp/run
mkdir -p "$run/dom/1" "$tmp/dir" "$tmp/real"
chmod -R 755 "$tmp"
for f in one two dir/in dir/out real/file; do echo "text of $f" >"$tmp/$f"; done
ln -s real "$tmp/way"
ln -s real/file "$tmp/link"
ln -s /dev/full "$tmp/device"

as=()
check () {
	# It does what is written to its directory, one file at a time.
	rm -rf "$run"/dom/1/*
	"${as[@]}" "$init" --run-dir="$run" --domain-dir="$run/dom/1" --confined --own-network -- sh -c "
		cd '$run/dom/1'; : >ready
		while :; do [ -e do ] && { sh do >out 2>&1; echo \$? >status; rm do; : >done; }; sleep 0.02; done" &
	local pid=$!
	cleanup_fn eval "kill $pid 2>/dev/null"
	wait_for 10 test -e "$run/dom/1/ready"
	into () { "${as[@]}" "$init" --into=$pid "$@"; }
	inside () {
		rm -f "$run/dom/1/done"
		echo "$*" >"$tmp/do"; mv "$tmp/do" "$run/dom/1/do"
		wait_for 10 test -e "$run/dom/1/done"
		[ "$(cat "$run/dom/1/status")" = 0 ]
	}
	for f in one two dir real way link; do ! inside test -e "$tmp/$f" || fail "$f is there unasked"; done
	into --allow="$tmp/one" --allow-ro="$tmp/two" --allow="$tmp/dir/in"
	inside "echo more >>$tmp/one" || fail "it cannot be written: $(cat "$run/dom/1/out")"
	[ "$(tail -1 "$tmp/one")" = more ] || fail "something else was written"
	! inside "echo more >>$tmp/two" || fail "read-only is written"
	inside "cat $tmp/two" || fail "read-only is not read"
	inside test -e "$tmp/dir/in" || fail "the file in a directory is missing"
	! inside test -e "$tmp/dir/out" || fail "its neighbour came with it"
	! inside touch "$tmp/new" /new || fail "the root directory is left open"
	# Read-only first, and then both.
	into --allow="$tmp/two"
	inside "echo more >>$tmp/two" || fail "it stays read-only"
	into --remove="$tmp/one" --remove="$tmp/two"
	for f in one two; do ! inside test -e "$tmp/$f" || fail "$f is still there"; done
	[ "$(head -1 "$tmp/one")" = "text of one" ] || fail "the file itself is gone"
	inside test -e "$tmp/dir/in" || fail "too much is removed"
	into --allow="$tmp/one"
	inside "cat $tmp/one" || fail "it does not come again"
	# By links, each way.
	into --allow="$tmp/link" --allow="$tmp/way/file" --allow="$tmp/device"
	for f in link way/file real/file; do inside "grep -q 'text of real/file' $tmp/$f" || fail "$f: $(cat "$run/dom/1/out")"; done
	inside test -c "$tmp/device" || fail "a device by a link"
	# A directory, whole.
	into --allow-ro="$tmp/dir"
	inside "cat $tmp/dir/out" || fail "$(cat "$run/dom/1/out")"
	! into --allow=/nowhere 2>"$tmp/err" || fail "what is not there is taken"
	grep -q '/nowhere: No such file' "$tmp/err" || fail "$(cat "$tmp/err")"
	! into --allow=/ 2>"$tmp/err" || fail "everything is taken"
	# The host's own place is not touched.
	[ "$(ls "$tmp/dir")" = $'in\nout' ] || fail "$(ls "$tmp/dir")"
	kill $pid
	wait $pid || :
}
"$init" --run-dir="$run" --domain-dir="$run/dom/1" --env=SLUICE_LOG=info -- true 2>"$tmp/err"
! grep -q "isolat" "$tmp/err" || skip "$(cat "$tmp/err")"
check
! "$init" --into=1x 2>/dev/null || fail "no process id"
! "$init" --into=$$ -- true 2>/dev/null || fail "a command"
# A domain of an ordinary user, by that user.
if [ "$(id -u)" = 0 ]; then
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	chown -R 65534:65534 "$tmp"
	if "${as[@]}" test -x "$init" && "${as[@]}" unshare -U true 2>/dev/null; then check; fi
fi

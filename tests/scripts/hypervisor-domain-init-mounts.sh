#!/bin/bash
# SPDX-License-Identifier: MIT
# What the host unmounts is unmounted in a domain that sees its files, too, or the device below would
# stay in use; what is mounted later does not appear in a domain that sees only what it is allowed.
[ -n "$SLUICE_OWN_MOUNTS" ] || SLUICE_OWN_MOUNTS=1 exec unshare -m --propagation private bash "$0" "$@" || exit 77
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
init=$builddir/hypervisor/process/sluice-domain-init
run=$tmp/run
mkdir -p "$run/dom/1" "$tmp/host/old" "$tmp/host/new"
mount --bind "$tmp/host" "$tmp/host" && mount --make-shared "$tmp/host" || skip "nothing can be mounted here"
cleanup_fn umount -R -l "$tmp/host"
mount -t tmpfs none "$tmp/host/old"
# start NAME OPTION..: a domain that goes on until $tmp/NAME.end; $domain is a process in it
start () {
	local name=$1; shift
	mkfifo "$tmp/$name.end"
	"$init" --run-dir="$run" --domain-dir="$run/dom/1" "$@" -- \
		sh -c 'cat /proc/self/mountinfo >"$1.before"; read -r _ <"$1.end"; cat /proc/self/mountinfo >"$1.after"' - "$tmp/$name" \
		>"$tmp/$name.said" 2>&1 &
	wait_for 60 test -s "$tmp/$name.before" || fail "$name does not start: $(cat "$tmp/$name.said")"
	domains+=($!)
}
finish () {
	echo >"$tmp/$1.end"
	wait "${domains[$2]}" || fail "$1: $(cat "$tmp/$1.said")"
}
sees () { grep -qF " $tmp/host/$3 " "$tmp/$1.$2"; }

domains=()
start files
start confined --allow="$tmp"
! grep -q "isolat" "$tmp/files.said" "$tmp/confined.said" || skip "$(cat "$tmp"/*.said)"
sees files before old && sees confined before old || fail "a file system is not in its domain"
umount "$tmp/host/old" || fail "a domain keeps the host from unmounting"
mount -t tmpfs none "$tmp/host/new"
finish files 0
finish confined 1
! sees files after old || fail "what the host unmounted stays in the domain"
! sees confined after new || fail "what the host mounted appears in a confined domain"

#!/bin/bash
# SPDX-License-Identifier: MIT
# What a format server has, and what it cannot reach.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/format-functions.sh"
qemu-img create -q -f qcow2 "$tmp/a.qcow2" 16M
serve "qcow2:$tmp/a.qcow2" flushed flush=1 expect="$tmp/expect" go="$tmp/go"
says '^acknowledged'
server=$(format_server) || fail "no format server runs"
status=/proc/$server/status
for caps in CapInh CapPrm CapEff CapAmb; do
	grep -qE "^$caps:[[:space:]]+0+$" "$status" || fail "$caps: $(grep $caps "$status")"
done
grep -qE '^NoNewPrivs:[[:space:]]+1$' "$status" || fail "it may gain privileges"
if grep -q '#define HAVE_LIBSECCOMP 1' "$builddir/config.h"; then
	grep -qE '^Seccomp:[[:space:]]+2$' "$status" || fail "it has no list of system calls"
fi
[ "$(readlink "/proc/$server/ns/net")" != "$(readlink /proc/self/ns/net)" ] || fail "it is in our network"
# Descriptors: its image, its socket, and what it said itself. No directory, no store, no hypervisor.
for fd in /proc/"$server"/fd/*; do
	to=$(readlink "$fd") || continue
	case $to in
	*/a.qcow2 | socket:* | pipe:* | anon_inode:* | /dev/null | *.format) ;;
	*) fail "it has $to open" ;;
	esac
done
touch "$tmp/go"
served

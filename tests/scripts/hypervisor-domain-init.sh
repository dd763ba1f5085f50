#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-domain-init: a domain reaches its own sockets and no other domain's.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
hv=$builddir/hypervisor/sluice-hypervisor
init=$builddir/hypervisor/process/sluice-domain-init
tool=$builddir/tests/peers/hv-tool
run=$tmp/run

mkdir -p "$run/dom/1" "$run/dom/2"
"$hv" --control="$run/control" &
cleanup_fn kill -9 $!
wait_for 10 "$tool" create "$run/control" "$run/dom/1/hypervisor.sock" 1
"$tool" create "$run/control" "$run/dom/2/hypervisor.sock" 2
[ "$("$tool" hello "$run/dom/2/hypervisor.sock")" = 2 ] || fail "domain 2 cannot be reached from outside"

in_domain () { "$init" --run-dir="$run" --domain-dir="$run/dom/1" -- "$@"; }

in_domain true 2> "$tmp/err" || fail "it does not start: $(cat "$tmp/err")"
! grep -q "not isolated" "$tmp/err" || skip "$(cat "$tmp/err")"

[ "$(in_domain "$tool" hello "$run/dom/1/hypervisor.sock")" = 1 ] || fail "the own socket is not there"
for other in "$run/dom/2/hypervisor.sock" "$run/control" "/proc/1/root$run/control" "$run/dom/1/../2/hypervisor.sock"; do
	if in_domain "$tool" hello "$other" 2> /dev/null; then fail "$other can be reached"; fi
	if in_domain test -e "$other"; then fail "$other can be seen"; fi
done
[ "$(in_domain sh -c 'echo $SLUICE_HYPERVISOR')" = "$run/dom/1/hypervisor.sock" ] || fail "SLUICE_HYPERVISOR is wrong"
[ "$(in_domain sh -c 'echo $XENSTORED_PATH')" = "$run/dom/1/store.sock" ] || fail "XENSTORED_PATH is wrong"
if in_domain touch "$run/x" 2> /dev/null; then fail "the hidden directory can be written"; fi

# Only its own processes: shell, ls and init itself.
n=$(in_domain sh -c 'ls -d /proc/[0-9]* | wc -l')
[ "$n" -le 6 ] || fail "$n processes can be seen"

#!/bin/bash
# SPDX-License-Identifier: MIT
# A page that a guest showed to one driver domain is no page of the one beside it.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
hv=$builddir/hypervisor/sluice-hypervisor
init=$builddir/hypervisor/process/sluice-domain-init
tool=$builddir/tests/peers/hv-tool
reach=$builddir/tests/peers/reach
run=$tmp/run
mkdir -p "$run"/dom/{1,2,3}
chmod -R 755 "$tmp"
"$hv" --control="$run/control" &
cleanup_fn kill -9 $!
for d in 1 2 3; do wait_for 10 "$tool" create "$run/control" "$run/dom/$d/hypervisor.sock" $d; done
in_domain () { local d=$1; shift; "$init" --run-dir="$run" --domain-dir="$run/dom/$d" --own-network --allow-ro="$builddir" -- "$@"; }
in_domain 1 true 2>"$tmp/err" || skip "$(cat "$tmp/err")"

# Domain 3 is the guest, and 2 its backend's domain.
in_domain 3 "$reach" share 2 "$run/dom/3/ref" &
guest=$!
cleanup_fn kill "$guest"
wait_for 10 test -s "$run/dom/3/ref"
ref=$(cat "$run/dom/3/ref")
[ "$(in_domain 2 "$reach" map 3 "$ref")" = 'the secret of a page' ] || fail "the right domain cannot map it"
if out=$(in_domain 1 "$reach" map 3 "$ref" 2>"$tmp/err"); then fail "domain 1 reads $out"; fi
grep -q 'not mapped' "$tmp/err" || fail "it failed for another reason: $(cat "$tmp/err")"
# As the other one: its socket is all that this takes, and it is not there.
theirs=$run/dom/2/hypervisor.sock
libs=$builddir/hypervisor/process/.libs
[ "$(SLUICE_HYPERVISOR=$theirs LD_LIBRARY_PATH=$libs "$reach" map 3 "$ref")" = 'the secret of a page' ] ||
	fail "unconfined it does not work either"
for way in "$theirs" "/proc/1/root$theirs" "/proc/self/root/../$theirs"; do
	if out=$(in_domain 1 sh -c "SLUICE_HYPERVISOR=$way exec $reach map 3 $ref" 2>/dev/null); then fail "$way: $out"; fi
done
# Nor by the memory of the process that has it mapped, or that made it.
pid=$(pgrep -f "^$reach share 2 $run/dom/3/ref")
[ -r "/proc/$pid/maps" ] || fail "it cannot be seen from outside"
for way in maps mem environ fd/0 root/etc/passwd; do
	if in_domain 1 sh -c "head -c 1 /proc/$pid/$way" >/dev/null 2>&1; then fail "/proc/$pid/$way"; fi
done

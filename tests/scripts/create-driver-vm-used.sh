# SPDX-License-Identifier: MIT
# A vm that is a driver domain and serves a guest's disk is not destroyed by mistake.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
config "$tmp/store.cfg" 'extra="obey"' 'driver_domain=1'
config "$tmp/vm.cfg" 'extra="obey"' 'disk=[ "/dev/xvda,raw,xvda,rw,backend=store" ]'
"$sluice" create -q "$tmp/store.cfg"
# There is no backend in it: the guest waits, and its disk is the driver domain's all the same.
"$sluice" create -q "$tmp/vm.cfg" >"$tmp/create" 2>&1 &
create=$!
wait_for 60 eval '[ -n "$(domid vm)" ]'
! "$sluice" destroy store 2>"$tmp/err" || fail "the guest has lost its disk"
says "$tmp/err" 'store serves disk xvda of vm: detach that or end vm first; sluice destroy --force ends it' ||
	fail "$(cat "$tmp/err")"
is_state store running || fail "$("$sluice" list)"
"$sluice" destroy --force store
[ -z "$(domid store)" ] || fail "$("$sluice" list)"
"$sluice" destroy vm 2>/dev/null || true
wait $create || true
# Without guests nobody has to be asked.
"$sluice" create -q "$tmp/store.cfg"
"$sluice" destroy store
assert_tidy 20

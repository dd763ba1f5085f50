# SPDX-License-Identifier: MIT
# info, dmesg, domid, domname, vcpu-list, vcpu-set, features.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
refused () {
	local said=$1; shift
	! "$sluice" "$@" 2>"$tmp/err" || fail "done: $*"
	says "$tmp/err" "$said" || fail "$*: $(cat "$tmp/err")"
}
refused 'no vm of sluice create runs' dmesg
"$sluice" info | grep -qE '^vms +: 0$' || fail "$("$sluice" info)"
image "$tmp/d.img" 1
config "$tmp/vm.cfg" 'extra="obey"' 'vcpus=1' 'maxvcpus=3' "disk=[ '$tmp/d.img,raw,xvda,rw,no-discard' ]" 'on_crash="preserve"'
"$sluice" create -q "$tmp/vm.cfg"
"$sluice" info | grep -qE '^vms_memory +: 32$' || fail "$("$sluice" info)"
[ "$("$sluice" domid vm)" = 2 ] || fail "$("$sluice" domid vm)"
[ "$("$sluice" domname 2)" = vm ] || fail "$("$sluice" domname 2)"
refused 'there is no vm other' domid other
cpus () { "$sluice" vcpu-list vm | awk 'NR > 1 { print $4 }' | tr '\n' ' '; }
[ "$(cpus)" = "online offline offline " ] || fail "$("$sluice" vcpu-list)"
"$sluice" vcpu-set vm 2
[ "$(cpus)" = "online online offline " ] || fail "$("$sluice" vcpu-list)"
refused 'vm can have 1 to 3 virtual CPUs' vcpu-set vm 4
refused 'vm can have 1 to 3 virtual CPUs' vcpu-set vm 0
refused 'two is no number' vcpu-set vm two
"$sluice" features vm >"$tmp/features"
grep -qE '^  feature-flush-cache +backend +1$' "$tmp/features" || fail "$(cat "$tmp/features")"
grep -qE '^  feature-discard +backend +0 \(not said\)$' "$tmp/features" || fail "$(cat "$tmp/features")"
grep -qE '^  feature-persistent +frontend' "$tmp/features" || fail "$(cat "$tmp/features")"
! "$sluice" dmesg | grep . || fail "something was said: $("$sluice" dmesg)"
# A crash is told in the log.
printf c | "$sluice" console vm >/dev/null &
client=$!
wait_for 60 is_state vm shutdown
kill $client
"$sluice" dmesg >"$tmp/log"
says "$tmp/log" 'vm crashed; its console says why' || fail "$(cat "$tmp/log")"
"$sluice" destroy vm
assert_tidy 20

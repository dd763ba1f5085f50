# SPDX-License-Identifier: MIT
# Bridges: those of a process domain with interfaces of the host, and the host's own for guests that name
# no driver domain. Both are there when the domain that has them was killed.
# The host is a network namespace of this test's.
[ -n "${SLUICE_TEST_NET-}" ] || {
	[ "$(id -u)" = 0 ] && unshare -n true || { echo "skipped: only root has bridges"; exit 77; }
	exec env SLUICE_TEST_NET=1 unshare -n bash "$0"
}
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
requires command -v ip
requires busybox true
ip link set lo up
ip link add host0 type bridge 2>/dev/null || skip "no bridges here"
ip link set host0 up mtu 3000
ip link add out0 mtu 3000 type veth peer name out1 mtu 3000
ip link add out2 type veth peer name out3
ip link add out4 mtu 9000 type veth peer name out5 mtu 9000
ip link set out1 up
process_config "$tmp/net.cfg" "bridges=[ 'xenbr0=out0', 'inner', 'xenbr0=out2', 'jumbo=out4' ]"
"$sluice" create -q "$tmp/net.cfg" 2>"$tmp/err" || {
	! says "$tmp/err" 'cannot be confined' || skip "$(cat "$tmp/err")"
	fail "$(cat "$tmp/err")"
}
config "$tmp/vm.cfg" 'extra="obey"' "vif=[ 'backend=net,bridge=xenbr0', 'backend=net,bridge=inner', 'bridge=host0', 'bridge=host0', 'backend=net,bridge=jumbo' ]"
"$sluice" create -q "$tmp/vm.cfg"
run=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*)
init () { pgrep -o -f "^sluice-domain-init .*--domain-dir=$run/dom/$1 " | head -n 1; }
daemon () { pgrep -o -f "^[^ ]*/sluice-driverd --run-dir=$run/dom/$1/" | head -n 1; }
inside () { local d=$1; shift; nsenter -t "$(daemon "$d")" -n "$@"; }
# ports DOMAIN BRIDGE: the interfaces on it there
ports () { inside "$1" ip -o link show master "$2" 2>/dev/null | awk -F'[ :@]+' '{ print $2 }' | sort | tr '\n' ' '; }
mtu () { sed 's/.* mtu \([0-9]*\) .*/\1/'; }
net=2 own=4 vm=3
check () {
	[ "$(ports $net xenbr0)" = "out0 out2 vif$vm.0 " ] && [ "$(ports $net inner)" = "vif$vm.1 " ] && [ "$(ports $net jumbo)" = "out4 vif$vm.4 " ] &&
		[ "$(ports $own host0 | sed 's/slu[0-9]*\.0/CABLE/')" = "CABLE vif$vm.2 vif$vm.3 " ]
}
check || fail "$net: $(inside $net ip -o link) $own: $(inside $own ip -o link)"
mtu_of () { inside "$1" ip -o link show "$2" | mtu; }
mtus () { [ "$(mtu_of $own "vif$vm.2")" = 3000 ] && [ "$(mtu_of $own host0)" = 3000 ] && [ "$(mtu_of $net jumbo)" = 9000 ] && [ "$(mtu_of $net "vif$vm.4")" = 9000 ]; }
mtus || fail "not the bridge's MTU: $(inside $own ip link; inside $net ip link)"
[ -z "$(inside $net ip -6 addr show scope link)$(inside $own ip -6 addr show scope link)" ] || fail "a domain speaks on a bridge"
# On the host's bridge there is a cable, and nothing else of it.
[ "$(ip -o link show master host0 | wc -l)" = 1 ] || fail "$(ip link)"
ip -o link show master host0 | grep -q 'slb[0-9]*\.0@' || fail "$(ip link)"
! ip link show "vif$vm.2" 2>/dev/null || fail "the TAP is on the host"
[ "$(readlink "/proc/$(daemon $own)/ns/net")" != "$(readlink /proc/self/ns/net)" ] || fail "the network domain has the host's network"

for d in $net $own $net $own; do
	old=$(init $d)
	kill -KILL "$old"
	came_back () { local now; now=$(init "$d"); [ -n "$now" ] && [ "$now" != "$old" ] && check; }
	wait_for 30 came_back
	mtus || fail "other MTUs than before: $(inside $d ip link)"
done
# What is not there.
! "$sluice" network-attach vm bridge=nosuch0 2>"$tmp/err" || fail "a bridge that is not there"
says "$tmp/err" 'the host has no bridge nosuch0: make it (ip link add nosuch0 type bridge' || fail "$(cat "$tmp/err")"
! "$sluice" network-attach vm bridge=out1 2>"$tmp/err" || fail "an interface that is no bridge"
says "$tmp/err" 'the host has no bridge out1' || fail "$(cat "$tmp/err")"
! "$sluice" network-attach vm bridge=nosuch0,backend=net 2>"$tmp/err" || fail "a bridge that is not there"
says "$tmp/err" 'no bridge nosuch0' || fail "$(cat "$tmp/err")"
check || fail "what failed is left: $(inside $own ip -o link)"
# The end: the host has its interfaces again, as they were, and no cable.
"$sluice" destroy vm
"$sluice" destroy net
ip -o link show out0 | grep -q 'BROADCAST,MULTICAST' || fail "it came back changed: $(ip link show out0)"
ip link show out2 >/dev/null || fail "out2 did not come back"
wait_for 20 eval '! ip -o link | grep -q slb'
assert_tidy 20

# And frames go that way.
"$builddir/tests/peers/net-stack" --vif=guest=0,bridge=host0 --guest="exec '$builddir/frontends/sluice-netfront-tap' --address=10.9.0.1/24 --address=fd99::1/64 -- \
	/bin/sh -c 'sleep 120'" >"$tmp/log" 2>&1 &
stack=$!
cleanup_fn eval "kill $stack 2>/dev/null; wait $stack 2>/dev/null || :"
ip addr add 10.9.0.254/24 dev host0
pinged () { busybox ping -c 1 -W 2 "$@"; }
wait_for 40 pinged 10.9.0.1
wait_for 20 pinged -s 2900 10.9.0.1
kill $stack

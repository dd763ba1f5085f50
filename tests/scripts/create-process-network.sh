# SPDX-License-Identifier: MIT
# A network interface of the host is given to a process domain, stays with it when that is
# killed, and comes back to the host with its end.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
[ "$(id -u)" = 0 ] || skip "only root has interfaces to give"
requires command -v ip
near=slt$$ far=slf$$
ip link add "$near" type veth peer name "$far" 2>/dev/null || skip "no veth here"
cleanup_fn eval 'ip link del "$near" 2>/dev/null || ip link del "$far" 2>/dev/null'
process_config "$tmp/store.cfg" "interfaces=[ '$near' ]"
process_config "$tmp/plain.cfg"
"$sluice" create -q "$tmp/store.cfg" 2>"$tmp/err" || {
	! says "$tmp/err" 'cannot be confined' || skip "$(cat "$tmp/err")"
	fail "$(cat "$tmp/err")"
}
"$sluice" create -q "$tmp/plain.cfg"
run=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*)
init () { pgrep -o -f "^sluice-domain-init .*--domain-dir=$run/dom/$1 " | head -n 1; }
daemon () { pgrep -o -f "^[^ ]*/sluice-driverd --run-dir=$run/dom/$1/" | head -n 1; }
# As what the domain's daemon is, with its rights and no others.
inside () {
	local pid; pid=$(daemon "$1"); shift
	nsenter --preserve-credentials -U -m -p -i -n -t "$pid" \
		setpriv --bounding-set="-all,+$(caps "$pid")" --inh-caps=-all "$@"
}
caps () { setpriv --dump >/dev/null && awk '/^CapEff/ { print $2 }' "/proc/$1/status" | grep -q 1002 && echo net_admin || echo dac_override; }
has () { inside "$1" ip -o link show "$near" >/dev/null 2>&1; }
on_host () { ip -o link show "$near" >/dev/null 2>&1; }

! on_host || fail "the host has it still"
has 2 || fail "the domain lacks it: $(inside 2 ip link)"
! has 3 || fail "another domain has it, too"
# It is the domain's to set up, and nothing else is.
inside 2 ip link set "$near" up || fail "it cannot be set up there"
! inside 3 ip link set lo up 2>/dev/null || fail "a domain without interfaces administers a network"
for d in 2 3; do
	[ "$(inside $d sh -c 'tail -n +3 /proc/net/dev | wc -l')" = $((d == 2 ? 2 : 1)) ] || fail "domain $d: $(inside $d ip link)"
done
# It is nobody else's meanwhile.
! "$sluice" create -q "$tmp/store.cfg" 'name="second"' 2>"$tmp/err" || fail "given twice"
says "$tmp/err" 'there is no such network interface' || fail "$(cat "$tmp/err")"
ip link add "${near}x" type veth peer name "${far}x"
cleanup_fn eval 'ip link del "${near}x" 2>/dev/null'
"$sluice" create -n "$tmp/store.cfg" 'name="second"' "interfaces=[ '${near}x' ]" >/dev/null || fail "one that is there"

# Killed, it has it again.
old=$(init 2)
kill -KILL "$old"
came_back () { local now; now=$(init 2); [ -n "$now" ] && [ "$now" != "$old" ] && has 2; }
wait_for 30 came_back
! on_host || fail "it went to the host"
old=$(init 2)
"$sluice" reboot store
wait_for 30 came_back
"$sluice" destroy store
on_host || fail "it did not come back: $(ip link)"
ip link show "$far" >/dev/null || fail "its other end is gone"
# Once more, and with the stack's own end.
"$sluice" create -q "$tmp/store.cfg"
! on_host || fail "the host has it still"
kill -TERM "$(cut -d. -f2 <<<"${run##*/}")"
wait_for 30 on_host
assert_tidy 20

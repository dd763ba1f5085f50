# SPDX-License-Identifier: MIT
# Vms that come and go leave no descriptor, process, domain or node behind.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
requires_vm
requires command -v xenstore-ls
cycles=${SLUICE_CYCLES:-6}
seconds=$((100 + 5 * cycles))
truncate -s 1M "$tmp/a.img"
boot_in_background "$tmp/log" "disk obey" --disk="$tmp/a.img"
wait_for 60 says "$tmp/log" obeying
hypervisor=$(alive | awk '$2 ~ "sluice-hypervisor$" { print $1 }')
store=$(alive | awk '$2 ~ "sluice-store$" { print $1 }')
export XENSTORED_PATH
XENSTORED_PATH=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*/store.sock)
# Domain ids, ports and times differ; everything else must not.
nodes () { xenstore-ls -f | sed -E 's/[0-9a-f-]{36}/UUID/g; s/[0-9]+/N/g' | sort; }
count () {
	ls "/proc/$hypervisor/fd" | wc -l
	ls "/proc/$hypervisor/task" | wc -l
	ls "/proc/$store/fd" | wc -l
	wc -l <"/proc/$hypervisor/maps"
	alive | wc -l
	nodes
}
# The first reboot makes what is made once.
reboot () {
	local n
	n=$(grep -c obeying "$tmp/log")
	"$sluice" reboot guest
	wait_for 60 eval '[ "$(grep -c obeying "$tmp/log")" -gt '"$n"' ]'
}
reboot
count >"$tmp/before"
for ((i = 0; i < cycles; i++)); do reboot; done
[ "$(domid guest)" = $((cycles + 3)) ] || fail "domain id $(domid guest) after $cycles cycles"
same () { count >"$tmp/after"; cmp -s "$tmp/before" "$tmp/after"; }
for n in {1..50}; do same && break; sleep 0.1; done
diff "$tmp/before" "$tmp/after" || fail "left behind after $cycles cycles"
"$sluice" destroy --wait guest
ends_with 0 || fail "$(cat "$tmp/log")"
assert_tidy 5

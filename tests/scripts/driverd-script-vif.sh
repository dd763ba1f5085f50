#!/bin/bash
# SPDX-License-Identifier: MIT
# A network device's script: online once the backend is ready, offline when that has ended.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
start_store
make_backend
make_script vif-bridge
start_driverd
add_leaf vif 2 0 script "$tmp/scripts/vif-bridge" type vif gatewaydev eth7 hotplug-status ""
wait_for 10 status_is vif/2/0 connected
[ "$(script_calls)" = "vif-bridge online type_if=vif backend/vif/2/0" ] || fail "called: $(script_calls)"
[ "$(starts vif/2/0)" = 1 ] || fail "$(starts vif/2/0) starts"
# As xl gives them.
for e in "script=$tmp/scripts/vif-bridge" XENBUS_TYPE=vif XENBUS_PATH=backend/vif/2/0 XENBUS_BASE_PATH=backend \
	netdev=eth7 vif=vif2.0; do
	grep -qxF "$e" "$tmp/log/script-env" || fail "its environment has no $e"
done
grep -q '^INTERFACE=\|^SLUICE_HYPERVISOR=' "$tmp/log/script-env" && fail "its environment has too much"
# Its input is empty, its output is the log, and it has nothing else of ours but what bash opens.
mapfile -t fds <"$tmp/log/script-fds"
[ "${fds[0]}" = /dev/null ] || fail "its input is ${fds[0]}"
[ "${fds[1]}" = "$tmp/log/driverd" ] && [ "${fds[2]}" = "$tmp/log/driverd" ] || fail "its output: ${fds[*]}"
[ "$(echo ${fds[*]:3})" = "0 1 2 255" ] || fail "its descriptors: ${fds[*]:3}"
# The same for an emulated one's network device.
add_leaf vif 2 1 script "$tmp/scripts/vif-bridge" type vif_ioemu
wait_for 10 status_is vif/2/1 connected
grep -qxF INTERFACE=vif2.1-emu "$tmp/log/script-env" || fail "no INTERFACE"
grep -qxF netdev= "$tmp/log/script-env" || fail "no empty netdev"
: >"$tmp/log/scripts"
xs write "$dd/backend/vif/2/0/online" 0 "$dd/backend/vif/2/0/state" 5
wait_for 10 leaf_gone vif/2/0
[ "$(script_calls)" = "vif-bridge offline type_if=vif backend/vif/2/0" ] || fail "at its end: $(script_calls)"
[ ! -e "$tmp/run/vif-2-0.script" ] || fail "its note stayed"
# Without a script there is nothing to wait for.
add_leaf vif 2 2
wait_for 10 state_is vif/2/2 2
xs read "$dd/backend/vif/2/2/hotplug-status" 2>/dev/null && fail "a status without a script"
exit 0

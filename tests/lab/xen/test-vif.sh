#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, stock xl gives guests interfaces of a driver domain; sluice-driverd and sluice-net serve them, behind
# xl's stock script vif-bridge and an administrator's own. The backend is killed, interfaces come and go, nothing is left.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
lab_needs
lab_roles vif-dom0.sh vif-driver.sh vif-guest.sh
cp -a "$cache/net/." "$in/driver"
cp -a "$cache/net/." "$in/guest"
lab_program driver "$builddir/drivers-domain/sluice-driverd" /sluice/drivers-domain/sluice-driverd
lab_program driver "$builddir/drivers-domain/sluice-store-gate" /sluice/drivers-domain/sluice-store-gate
lab_program driver "$builddir/backends/net/sluice-net" /sluice/backends/net/sluice-net
touch "$in/driver/sluice/config.status"
lab_boot 1500
grep '^LAB' "$out/console.log" | tr -d '\r'
xl_is_content
must_say guest 'the interface works' 'the connection lived on' 'the second interface works' 'the guest is content'
for what in one two three; do same "the file, fetch $what" "$(lab_sum guest $what)" "$(lab_sum storage file)"; done
same "the file that the guest sent" "$(lab_sum storage got)" "$(lab_sum guest sent)"
must_say storage 'killed [0-9]' 'vif-2-0: runs /etc/xen/scripts/vif-bridge online' \
	'vif-2-0: runs /etc/xen/scripts/vif-bridge offline' 'vif-lab online backend/vif/2/1 vif2.1 on xenbr0' \
	'vif-lab offline backend/vif/2/1 vif2.1' 'sluice-driverd ended with status 0'
# What vif-bridge alone does: it tells the guest the bridge's MTU.
grep '^/local/domain/2/device/vif/0/mtu = "1500"' "$out/store-connected.txt" >/dev/null || fail "vif-bridge did not write the mtu"

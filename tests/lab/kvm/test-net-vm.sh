#!/bin/bash
# SPDX-License-Identifier: MIT
# A vm driver domain, a stock guest that runs sluice-net over /dev/xen/*, is the network of two others, with two queues.
. "$(dirname "$0")/functions.sh"
. "$lab/net.sh"
net_needs
net_scripts net-vm-host.sh
cp "$lab/net-driver.sh" "$in/lab/driver.sh"
for p in drivers-domain/sluice-driverd drivers-domain/sluice-store-gate backends/net/sluice-net; do
	lab_built "$builddir/$p"
	lab_copy "$in/driver" "$built" "/usr/local/sbin/$(basename "$p")"
done
lab_copy "$in/driver" "$(command -v ip)" /usr/sbin/ip
lab_boot 1200 6.1 1 guest=6.1
grep '^LAB' "$out/console.log" | tr -d '\r'

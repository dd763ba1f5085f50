#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, a stock guest's primary console and a further one are given to a driver domain and served
# there; both backends are killed in between, and the guest goes on.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
lab_needs
lab_roles console-dom0.sh console-driver.sh console-guest.sh
lab_program driver "$builddir/drivers-domain/sluice-driverd" /sluice/drivers-domain/sluice-driverd
lab_program driver "$builddir/drivers-domain/sluice-store-gate" /sluice/drivers-domain/sluice-store-gate
lab_program driver "$builddir/backends/console/sluice-console" /sluice/backends/console/sluice-console
touch "$in/driver/sluice/config.status"
lab_boot 1200
grep -ah '^LAB\|^COUNT' "$out/guest-storage.log" | tr -d '\r'
# libxl's complaint of the channel with the number 0; nothing else.
grep -v 'libxl__device_console_add: Domain 2:Primary console has invalid configuration' "$out/console.log" >"$tmp/console.log"
mv "$tmp/console.log" "$out/console.log"
xl_is_content
must_say storage 'xl looks at /dev/pts' 'LAB guest .* up' 'further: hello from hvc1' 'the scrollback outlived it' \
	'both backends were killed and followed' 'console-2-0: backend .* exited with status 0' ' 0 twice' \
	'sluice-driverd ended with status 0'

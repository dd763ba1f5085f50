#!/bin/bash
# SPDX-License-Identifier: MIT
# Logical volumes as disks, on Debian's kernel, device mapper and LVM.
. "$(dirname "$0")/functions.sh"
. "$lab/lvm.sh"
lab_needs
lab_scripts lvm-host.sh
lab_sluice
lab_xenstore "$in/host"
lab_lvm "$in/host"
lab_built "$builddir/tests/peers/blk-conform"
lab_copy "$in/host" "$built" /usr/bin/blk-conform
lab_built "$builddir/tests/unit/driverd-introduce"
lab_copy "$in/host" "$built" /usr/bin/driverd-introduce
lab_copy "$in/host" "$(command -v sfdisk)" /usr/sbin/sfdisk
lab_disk 1 384M
lab_boot 600 6.1
grep '^LAB' "$out/console.log" | tr -d '\r'

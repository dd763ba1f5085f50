#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, a driver domain of type PVH serves a guest's disks, one of them a block device, and its interface. Its
# backends and its daemon are killed under a load that verifies; the guest reboots.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
lab_needs
lab_roles pvh-dom0.sh both-driver.sh both-guest.sh
cp "$lab/both-dom0.sh" "$in/lab/both.sh"
cp -a "$cache/net/." "$in/driver"
blk_programs
lab_program driver "$builddir/backends/net/sluice-net" /sluice/backends/net/sluice-net
blk_disk
file_sum "$in/disk-1.raw" /disk.img >/dev/null
mv "$tmp/dumped" "$in/disk-2.raw"
lab_boot 1800
grep '^LAB' "$out/console.log" | tr -d '\r'
xl_is_content
must_say guest ' 40 files are right' 'rounds were right' 'the second start is content' 'rounds of /dev/xvdb' 'rounds of /mnt/load'
same "the file that the guest fetched" "$(lab_sum guest fetched)" "$(lab_sum storage file)"
same "the file that it fetched after its reboot" "$(lab_sum guest again)" "$(lab_sum storage file)"
must_say storage 'runs as PVH' 'killed backends' 'killed the daemon, not' 'sluice-driverd ended with status 0'
sound "the driver domain's file system" "$in/disk-1.raw"
sound "the guest's file system, on the block device" "$in/disk-2.raw"

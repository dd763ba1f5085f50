#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, stock xl attaches and detaches disks of a running guest and destroys it while it writes;
# sluice-driverd and sluice-blk serve, as kinds vbd and qdisk, and leave nothing behind.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
lab_needs
lab_roles hotplug-dom0.sh blk-driver-driverd.sh hotplug-guest.sh
blk_programs
blk_disk
lab_boot 1200
xl_is_content
for round in 1 2 3; do same "the disk in round $round" "$(lab_sum guest $round)" "$before"; done
must_say storage 'block-lab add backend/vbd/2/51728 disk'
must_say storage 'block-lab remove backend/vbd/2/51728 disk'
must_say writer "blkfront: xvdc: .*persistent grants: $persistent; indirect descriptors: enabled"
must_say storage 'sluice-driverd ended with status 0'
sound "the driver domain's file system" "$in/disk-1.raw"
same "the read-only disk at the end" "$(file_sum "$in/disk-1.raw" /disk.img)" "$before"

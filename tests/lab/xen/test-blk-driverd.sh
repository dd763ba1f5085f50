#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, sluice-driverd in a PV driver domain, in place of xl devd, serves a disk to a stock guest of stock xl.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
lab_needs
lab_roles blk-dom0.sh blk-driver-driverd.sh blk-guest.sh
# Side by side as in a build tree, which is how the daemon finds the backend.
lab_program driver "$builddir/drivers-domain/sluice-driverd" /sluice/drivers-domain/sluice-driverd
lab_program driver "$builddir/backends/blk/sluice-blk" /sluice/backends/blk/sluice-blk
touch "$in/driver/sluice/config.status"
blk_disk
lab_run 300
blk_check
must_say storage 'sluice-driverd ended with status 0'

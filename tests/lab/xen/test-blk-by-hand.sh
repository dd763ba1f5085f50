#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, sluice-blk started by hand in a PV driver domain serves a disk to a stock guest of stock xl.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
lab_needs
lab_roles blk-dom0.sh blk-driver-by-hand.sh blk-guest.sh
lab_program driver "$builddir/backends/blk/sluice-blk" /sluice/backends/blk/sluice-blk
blk_disk
lab_boot 1200
blk_check
must_say storage 'sluice-blk ended with status 0'

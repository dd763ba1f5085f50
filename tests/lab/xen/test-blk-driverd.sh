#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, sluice-driverd in a PV driver domain, in place of xl devd, serves a disk to a stock guest of stock xl.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
lab_needs
lab_roles blk-dom0.sh blk-driver-driverd.sh blk-guest.sh
blk_programs
blk_disk
lab_boot 1200
blk_check
must_say storage 'sluice-driverd ended with status 0'

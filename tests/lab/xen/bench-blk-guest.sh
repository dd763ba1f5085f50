# SPDX-License-Identifier: MIT
# Puts loads on its disks as dom0 orders them, and tells it how long each took, in microseconds.
. /lab/bench-guest.sh
load xen-blkfront
wait_for 60 test -b /dev/xvda -a -b /dev/xvdb -a -b /dev/xvdc || { dmesg | tail -n 20; fail "a disk is missing"; }
dmesg | grep 'blkfront: xvd'
say "all disks are here"
do_work () { /bench-load "$@"; }
serve_orders

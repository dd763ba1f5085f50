# SPDX-License-Identifier: MIT
# both-dom0.sh with a driver domain of type PVH, and a block device of its own as the guest's first disk; the guest
# is paused while the backends are killed for the last time.
driver_boot="type='pvh'
kernel='/boot/vmlinux'
ramdisk='/boot/driver.cpio'"
driver_disks="/dev/vdb /dev/vdc" target=/dev/xvdb kills="kill daemon paused-kill"
. /lab/both.sh

# SPDX-License-Identifier: MIT
# Stock xl: a driver domain, then a guest with a disk that the driver domain serves.
dom0_start
storage_domain "" /dev/vdb
wait_said 120 storage 'storage is ready'
domain guest guest 192 "" "disk=['format=raw,vdev=xvda,access=rw,backend=storage,target=/data/disk.img']"
dump created
wait_said 120 guest 'disk is read'
dump connected
wait_gone 120 guest
removed vbd/2/51712
say "the leaf is gone"
order stop
wait_gone 120 storage

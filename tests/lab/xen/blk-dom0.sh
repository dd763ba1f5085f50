# SPDX-License-Identifier: MIT
# Stock xl: a driver domain, then a guest with a disk that the driver domain serves.
leaf=/local/domain/1/backend/vbd/2/51712
no_leaf () { ! xenstore-exists $leaf; }

dom0_start
storage_domain "" /dev/vdb
wait_said 120 storage 'storage is ready'
domain guest guest 192 "" "disk=['format=raw,vdev=xvda,access=rw,backend=storage,target=/data/disk.img']"
dump created
wait_said 120 guest 'disk is read'
dump connected
wait_gone 120 guest
wait_for 20 no_leaf || { dump leaf; fail "$leaf is left behind"; }
say "the leaf is gone"
xenstore-write /local/domain/1/data/stop 1
wait_gone 120 storage

# SPDX-License-Identifier: MIT
# Stock xl against sluice-driverd: attach and detach while a guest runs; destroy another under load.
dom0_start
storage_domain "" /dev/vdb
wait_said 120 storage 'storage is ready'
domain guest guest 192 mode=hotplug ""
wait_said 120 guest 'waiting for a disk'
for round in 1 2 3; do
	# The third one is made by a script of the driver domain.
	[ $round = 3 ] && disk="script=block-lab,target=disk" || disk="target=/data/disk.img"
	step xl block-attach guest "format=raw,vdev=xvdb,access=r,backend=storage,$disk"
	wait_said 120 guest "read-only disk $round is read"
	[ $round != 1 ] || dump attached
	step xl block-detach guest xvdb
	removed vbd/2/51728
	wait_said 120 guest "read-only disk $round is gone"
done
wait_gone 120 guest
# Another guest: xl attaches no disk to one that has a qdisk, unless dom0 runs a device model for it.
domain writer guest 192 mode=write "disk=['format=raw,vdev=xvdb,access=r,backend=storage,target=/data/disk.img',
	'format=raw,vdev=xvdc,access=rw,backend=storage,backendtype=qdisk,target=/data/scratch.img']"
wait_said 120 writer 'writing without end'
sleep 5
dump writing
step xl destroy writer
removed vbd/3/51728
removed qdisk/3/51744
xenstore-exists /local/domain/3 && fail "the guest's directory is left behind"
dump destroyed
order stop
wait_gone 120 storage

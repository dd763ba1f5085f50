# SPDX-License-Identifier: MIT
# Stock xl: a guest whose disks, of kinds vbd and qdisk, are logical volumes, partitions and a block device of the
# driver domain, from its start; another, to which they are attached while it runs. Volumes grow meanwhile.
of=format=raw,backend=storage
# check LEAF..: they are removed, and nothing of LVM's is in use
check () {
	for leaf; do removed "$leaf"; done
	order idle
	wait_for 60 orders_done || fail "the driver domain does not answer"
}
orders_done () { ! xenstore-exists /local/domain/1/data/idle; }

dom0_start
storage_domain "" /dev/vdb /dev/vdc /dev/vdd
wait_said 240 storage 'storage is ready'
domain guest guest 192 mode=whole "disk=['$of,vdev=xvda,access=rw,target=lvm:vg/system',
	'$of,vdev=xvdb,access=rw,backendtype=qdisk,target=lvm:vg/data',
	'$of,vdev=xvdc,access=rw,target=/dev/xvdb',
	'$of,vdev=xvdd,access=r,backendtype=qdisk,target=partition:/data/table.img:PARTLABEL=second',
	'$of,vdev=xvde,access=rw,target=partition:lvm:vg/parts:1']"
dump created
wait_said 240 guest 'the volume may grow'
xl block-list guest | tee /out/block-list
order grow
wait_said 120 guest 'the guest is content'
wait_gone 120 guest
check vbd/2/51712 qdisk/2/51728 vbd/2/51744 qdisk/2/51760 vbd/2/51776

domain hot guest 192 mode=hot ""
wait_said 120 hot 'waiting for disks'
while read -r name vdev access rest <&3; do
	step xl block-attach hot "$of,vdev=$vdev,access=$access,$rest"
	wait_said 120 hot "disk $name is read"
	if [ $name = grows ]; then
		order grow
		wait_said 120 hot 'it has grown under load'
	fi
	step xl block-detach hot $vdev
	wait_said 120 hot "disk $name is gone"
done 3<<-END
	system xvdb r target=lvm:vg/system
	whole xvdc r target=/dev/xvdb
	first xvdd r target=partition:/data/table.img:1
	parts xvde r target=partition:lvm:vg/parts:PARTLABEL=only
	path xvdf r target=/dev/vg/active
	scripted xvdg r script=block-lab,target=disk
	grows xvdh rw target=lvm:vg/data
END
check vbd/3/51728 vbd/3/51744 vbd/3/51760 vbd/3/51776 vbd/3/51792 vbd/3/51808 vbd/3/51824
# What cannot be served is refused at once, and xl cleans up.
say "xl block-attach of what does not exist"
! xl block-attach hot "$of,vdev=xvdi,access=r,target=lvm:vg/none" 2>/out/refused || fail "xl attached a volume that does not exist"
say "refused: $(tail -n 1 /out/refused)"
dump refused
xl block-detach hot xvdi 2>/dev/null || :
check vbd/3/51840
xenstore-write /local/domain/3/data/stop 1
wait_gone 120 hot
dump ended
order stop
wait_gone 120 storage

# SPDX-License-Identifier: MIT
# One guest with three disks that are one file of a driver domain, each served by another backend. Round by round each
# backend gets the same loads; /out/bench has a line for each.
. /lab/bench-dom0.sh
disk_of () { case $1 in blkback) echo xvda ;; qdisk) echo xvdb ;; sluice) echo xvdc ;; esac; }
# measure BACKEND: a load
measure () {
	result_of "/dev/$(disk_of "$1")" "$way" "$how" "$block" "$depth" "$span" "$count"
	echo "$round $name $1 $count $((count * block)) $result $cpu" | tee -a /out/bench
}

dom0_start
domain storage driver 448 xen_privcmd.unrestricted=1 "driver_domain=1
disk=['format=raw,vdev=xvda,access=rw,script=block-lab,target=/dev/vdb']"
wait_said 120 storage 'storage is ready'
domain guest guest 192 "" "disk=['format=raw,vdev=xvda,access=rw,backend=storage,target=/data/disk.img',
	'format=raw,vdev=xvdb,access=rw,backend=storage,backendtype=qdisk,target=/data/disk.img',
	'format=raw,vdev=xvdc,access=rw,backend=storage,target=/data/disk.img']"
wait_said 240 guest 'all disks are here'
dump connected
# From here on the whole file is there, and in the page cache.
result_of /dev/xvda write seq 1048576 4 "$span" $((span / 1048576))
order settle
wait_said 60 storage 'settled'
for round in $(seq 1 "$rounds"); do
	for load in $loads; do
		IFS=: read -r name way how block depth count <<-END
			$load
		END
		in_turn "$round" measure blkback qdisk sluice
	done
done
xenstore-write /local/domain/2/data/stop 1
wait_gone 120 guest
order stop
wait_gone 120 storage

# SPDX-License-Identifier: MIT
# For the scripts that run inside the lab's domains (busybox sh), after inside.sh.

# --- driver domain
# mount_data: the domain's own disk, an ext4, on /data
mount_data () {
	for m in xen-blkfront crc32c_generic ext4; do modprobe $m; done
	wait_for 20 test -b /dev/xvda || fail "the domain's own disk did not appear"
	mkdir -p /data
	mount -t ext4 /dev/xvda /data
}

# --- dom0
# dom0_start: what Debian's init scripts of xen do
dom0_start () {
	: >/etc/xen/xl.conf
	oxenstored --pid-file /run/xenstored.pid
	wait_for 30 test -S /run/xenstored/socket || fail "the store did not start"
	xen-init-dom0 >/dev/null
	xenconsoled --log=guest --log-dir=/var/log/xen/console --pid-file=/run/xenconsoled.pid
	for m in virtio_pci virtio_blk xen-blkback; do modprobe $m; done
	wait_for 10 test -b /dev/vda || fail "the lab's disks are missing"
	say "ready"
}
# dom0_end STATUS: hand everything that helps a diagnosis to the host, as a tar on /dev/vda
dom0_end () {
	echo "$1" >/out/status
	cp /var/log/xen/console/*.log /var/log/xen/*.log /out/ 2>/dev/null
	dmesg >/out/dom0.dmesg
	xl dmesg >/out/xen.dmesg 2>&1
	tar cf /dev/vda -C /out .
}
console_of () { echo "/var/log/xen/console/guest-$1.log"; }
# domain NAME ROLE MEMORY 'kernel arguments' 'more configuration'
domain () {
	cat >"/run/$1.cfg" <<-END
		name='$1'
		type='pv'
		memory=$3
		vcpus=1
		tsc_mode='native'
		kernel='/boot/vmlinuz'
		ramdisk='/boot/$2.cpio'
		extra='console=hvc0 quiet panic=1 lab=$2 seconds=$(arg seconds) $4'
		on_reboot='destroy'
		on_crash='destroy'
		$5
	END
	say "xl create $1"
	xl create "/run/$1.cfg" || { dump "create-$1"; fail "xl create $1"; }
}
# wait_said SECONDS NAME TEXT: on a domain's console
wait_said () { wait_for "$1" grep -q "$3" "$(console_of "$2")" || { dump "no-$2"; fail "'$3' is not on the console of $2 after $1 s"; }; }
gone () { ! xl domid "$1"; }
wait_gone () { wait_for "$1" gone "$2" || { dump "stays-$2"; fail "domain $2 still exists after $1 s"; }; }
# storage_domain ARGUMENTS DISK..: the driver domain, always domain 1; its disks are dom0's block devices
storage_domain () {
	_args=$1 _vdev=a _disks=; shift
	for d; do
		_disks="$_disks'format=raw,vdev=xvd$_vdev,access=rw,script=block-lab,target=$d',"
		_vdev=$(echo $_vdev | tr a-y b-z)
	done
	domain storage driver 384 "$_args" "driver_domain=1
disk=[$_disks]"
}
# dump NAME: the store as it is, for the host
dump () { xenstore-ls -fp >"/out/store-$1.txt" 2>&1; }

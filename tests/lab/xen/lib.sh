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
# world_start: a bridge, xenbr0, and behind it the outside, a test host in a network namespace of its own that has
# 192.0.2.1 and fd00::1 and serves /srv. On real hardware outside would be a network card.
ip () { if [ -x /bin/bash ]; then /bin/ip "$@"; else busybox ip "$@"; fi; }	# busybox's knows no bridges and namespaces
world () { ip netns exec world "$@"; }
world_start () {
	[ ! -e /sys/bus/xen-backend/drivers/vif ] || fail "the kernel's xen-netback is loaded and would take the device"
	load tun bridge veth
	ip netns add world
	ip link add outside type veth peer name wan netns world
	ip link add xenbr0 type bridge
	ip link set xenbr0 up
	ip link set outside master xenbr0 up
	world ip addr add 192.0.2.1/24 dev wan
	world ip addr add fd00::1/64 dev wan nodad
	world ip link set wan up
	mkdir -p /srv
	world httpd -p 80 -h /srv
}
# script_vif: the domain's own script vif-lab, as administrators write them. The stock one takes seconds under emulation.
script_vif () {
	mkdir -p /etc/xen/scripts
	cat >/etc/xen/scripts/vif-lab <<-'EOT'
		#!/bin/sh
		echo "vif-lab $1 $XENBUS_PATH $vif on $(xenstore-read "$XENBUS_PATH/bridge")"
		[ "$1" = online ] || exit 0
		/bin/ip link set "$vif" master "$(xenstore-read "$XENBUS_PATH/bridge")" up &&
			xenstore-write "$XENBUS_PATH/hotplug-status" connected
	EOT
	chmod 755 /etc/xen/scripts/vif-lab
}
# daemon_start: sluice-driverd in place of xl devd; its log and its backends' on the console, with each line's time
daemon_start () {
	if [ ! -e /run/log ]; then
		mkfifo /run/log
		# Open for writing, too: it does not end when the daemon is killed.
		while read -r line; do say "$line"; done <>/run/log &
	fi
	/sluice/drivers-domain/sluice-driverd --foreground --log-level=info >/run/log 2>&1 &
	daemon=$!
}
# daemon_end: nothing may be left of it, nor of its backends
daemon_end () {
	kill $daemon
	status=0
	wait $daemon || status=$?
	say "sluice-driverd ended with status $status"
	pidof sluice-blk sluice-net sluice-console && fail "a backend outlived the daemon and its device"
	ls -d /sys/class/net/vif* 2>/dev/null && fail "an interface is left behind"
	[ $status = 0 ]
}
# ordered NAME: whether dom0 ordered it, once
ordered () { xenstore-exists "data/$1" && xenstore-rm "data/$1"; }

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
# order NAME: to the driver domain
order () { xenstore-write "/local/domain/1/data/$1" 1; }
# removed KIND/DOMID/DEVID: the driver domain has no such device any more, in time for xl
no_leaf () { ! xenstore-exists "/local/domain/1/backend/$1"; }
removed () { wait_for 20 no_leaf "$1" || { dump leaf; fail "$1 is left behind"; }; }
# step COMMAND..: what xl is told to do must succeed; its time is in the log
step () {
	say "$*"
	"$@" || { dump "failed-$2"; fail "$*"; }
	say "done"
}
console_of () { echo "/var/log/xen/console/guest-$1.log"; }
# domain NAME ROLE MEMORY 'kernel arguments' 'more configuration'
# boot: in place of the stock kernel as a PV domain, which has the role's initial ram disk
domain () {
	_type=
	# Guests are of one kind on Arm.
	[ "$(uname -m)" != x86_64 ] || _type="type='pv'"
	_boot=${boot:-"$_type
kernel='/boot/vmlinux'
ramdisk='/boot/$2.cpio'"}
	cat >"/run/$1.cfg" <<-END
		name='$1'
		$_boot
		memory=$3
		vcpus=1
		tsc_mode='native'
		extra='console=hvc0 quiet panic=1 cryptomgr.notests rodata=off lab=$2 seconds=$(arg seconds) $4'
		on_reboot='${on_reboot:-destroy}'
		on_crash='destroy'
		$5
	END
	say "xl create $1"
	xl create "/run/$1.cfg" || { dump "create-$1"; fail "xl create $1"; }
}
# wait_said SECONDS NAME TEXT: on a domain's console, which ends the wait when it says that something failed, too
wait_said () {
	wait_for "$1" grep -q -e "$3" -e '^LAB .* FAILED:' "$(console_of "$2")" || :
	grep -q "$3" "$(console_of "$2")" || { dump "no-$2"; fail "'$3' is not on the console of $2 after $1 s"; }
}
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

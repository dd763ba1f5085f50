# SPDX-License-Identifier: MIT
# Stock xl: a guest with a disk, an interface and a console of a driver domain, and a disk and an interface that dom0's
# own kernel serves with xen-blkback and xen-netback. (Of the channels the first is there for nothing: see console-dom0.sh.)

dom0_start
modprobe xen-netback
cat >/etc/xen/scripts/vif-lab <<'EOT'
#!/bin/busybox sh
[ "$1" = online ] || exit 0
busybox ip link set "$vif" up && busybox ip addr add 198.51.100.1/24 dev "$vif"
xenstore-write "$XENBUS_PATH/hotplug-status" connected
EOT
chmod 755 /etc/xen/scripts/vif-lab
mkdir -p /srv
head -c 4194304 /dev/urandom >/srv/file
echo "SUM file $(md5sum </srv/file | cut -d ' ' -f 1)"
httpd -p 80 -h /srv
# It is silent, but does not end.
mkfifo /run/silence
exec 9<>/run/silence
nc -l -p 5001 <&9 >/srv/got &
storage_domain "" /dev/vdb
wait_said 120 storage 'storage and network are ready'
domain guest guest 256 "" "disk=['format=raw,vdev=xvda,access=rw,backend=storage,target=/data/scratch.img',
	'format=raw,vdev=xvdb,access=rw,script=block-lab,target=/dev/vdc']
vif=['mac=00:16:3e:00:00:11,backend=storage,bridge=xenbr0,script=vif-lab', 'mac=00:16:3e:00:00:12,script=vif-lab']
channel=['name=nothing,connection=pty,backend=storage', 'name=test,connection=pty,backend=storage']"
dump created
for what in 'the kernel let go' 'disk 51712 is served well' 'disk 51728 is served well' 'vif 0 is served well' 'vif 1 is served well' \
	'the console is served well' 'the guest is content'; do
	wait_said 400 guest "$what"
done
dump ended
wait_gone 120 guest
echo "SUM got $(md5sum </srv/got | cut -d ' ' -f 1)"
for leaf in vbd/2/51712 vif/2/0 console/2/1; do removed $leaf; done
xenstore-ls -f backend | grep -E 'backend/(vbd|vif)/2/' && fail "dom0 has something of the guest left"
dmesg | grep -iE 'xen-blkback|xen_netback|vif2' | grep -iE 'invalid|bad|error|fatal|over' && fail "dom0's kernel complains"
order stop
wait_gone 120 storage

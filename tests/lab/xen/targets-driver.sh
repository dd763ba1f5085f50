# SPDX-License-Identifier: MIT
# A driver domain with device mapper and LVM: a volume group on one of its disks, partitions in an image and in a
# volume; another of its disks is given to guests as it is.
mount_data
load dm-mod
sum () { md5sum | cut -d ' ' -f 1; }
active () { lvs --noheadings -o lv_name,lv_active vg | awk '$2 == "active" { printf " %s", $1 }'; }
{
	pvcreate /dev/xvdc && vgcreate vg /dev/xvdc
	lvcreate -Wn -y -L 48M -n system vg
	lvcreate -Wn -y -L 8M -n data vg
	lvcreate -Wn -y -L 16M -n parts vg
	lvcreate -Wn -y -L 8M -n active vg
} >/tmp/lvm.log 2>&1 || fail "$(tail -n 5 /tmp/lvm.log)"
cat /data/disk.img >/dev/vg/system
cat /data/parts.img >/dev/vg/parts
cat /data/random.img >/dev/vg/active
sync
lvchange -an vg/system vg/data vg/parts
# A disk's own script: it finds what it is told of in /data.
mkdir -p /etc/xen/scripts
cat >/etc/xen/scripts/block-lab <<-'EOT'
	#!/bin/sh
	echo "block-lab $1 $XENBUS_PATH"
	case $1 in
	add)
		loop=$(losetup -f)
		losetup -r "$loop" "/data/$(xenstore-read "$XENBUS_PATH/params").img"
		xenstore-write "$XENBUS_PATH/node" "$loop" "$XENBUS_PATH/physical-device-path" "$loop" "$XENBUS_PATH/hotplug-status" connected
		;;
	remove) losetup -d "$(xenstore-read "$XENBUS_PATH/node")" ;;
	esac
EOT
chmod 755 /etc/xen/scripts/block-lab
load loop
daemon_start
say "storage is ready, active:$(active)"
size=8
idle () { [ "$(active)" = " active" ] && [ -z "$(ls /run/sluice-lvm)" ]; }
while ! xenstore-exists data/stop; do
	if ordered grow; then
		size=$((size + 4))
		lvextend -L ${size}M vg/data >>/tmp/lvm.log 2>&1 || fail "$(tail -n 5 /tmp/lvm.log)"
		say "the volume has $size MiB"
	elif xenstore-exists data/idle; then
		wait_for 30 idle || fail "in use: active are$(active), users $(ls -R /run/sluice-lvm)"
		say "idle, and active is only what was"
		xenstore-rm data/idle
	fi
	sleep 1
done
daemon_end
losetup -a | grep . && fail "a loop device is left behind"
lvchange -ay vg
for name in system data; do echo "SUM $name $(sum </dev/vg/$name)"; done
echo "SUM parts $(dd if=/dev/vg/parts bs=1M skip=1 count=8 2>/dev/null | sum)"
vgchange -an vg >>/tmp/lvm.log 2>&1
umount /data

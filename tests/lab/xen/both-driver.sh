# SPDX-License-Identifier: MIT
# One driver domain for disks and interfaces. It kills its backends, and its daemon, when dom0 orders it; the backends of
# disks while the kernel holds their I/O, with the guest's memory, back.
mount_data
say "runs as $(cat /sys/hypervisor/guest_type)"
world_start
script_vif
head -c 4000000 /data/disk.img >/srv/file
echo "SUM file $(md5sum </srv/file | cut -d ' ' -f 1)"
mkdir -p /run/slow
mount -t cgroup2 slow /run/slow
echo +io >/run/slow/cgroup.subtree_control
mkdir /run/slow/disks
# speed BYTES|max: of what those in /run/slow/disks read and write, each second
speed () { echo "$(cat /sys/class/block/xvda/dev) rbps=$1 wbps=$1" >/run/slow/disks/io.max; }
slow_down () {
	for p in $(pidof sluice-blk); do echo "$p" >/run/slow/disks/cgroup.procs; done
	speed 50000
	sleep 2
}
all_run () { [ "$(pidof sluice-blk sluice-net | wc -w)" -ge 3 ]; }
daemon_start
say "storage and network are ready"
while ! xenstore-exists data/stop; do
	if ordered kill; then
		wait_for 60 all_run || fail "not all backends run"
		old=$(pidof sluice-blk sluice-net)
		slow_down
		kill -9 $old
		sleep 1
		speed max
		sleep 1
		! dmesg | grep -E 'Bad page|Bad rss' || fail "the kernel freed pages that are in use"
		say "killed backends $old"
	elif ordered daemon; then
		wait_for 60 all_run || fail "not all backends run"
		old=$(pidof sluice-blk sluice-net)
		kill -9 $daemon
		wait $daemon || :
		sleep 1
		[ "$(pidof sluice-blk sluice-net)" = "$old" ] || fail "the backends ended with the daemon"
		daemon_start
		say "killed the daemon, not $old"
	fi
	sleep 1
done
daemon_end
umount /data

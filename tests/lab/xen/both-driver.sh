# SPDX-License-Identifier: MIT
# One driver domain for disks and interfaces. It kills its backends, and its daemon, when dom0 orders it.
mount_data
say "runs as $(cat /sys/hypervisor/guest_type)"
world_start
script_vif
head -c 4000000 /data/disk.img >/srv/file
echo "SUM file $(md5sum </srv/file | cut -d ' ' -f 1)"
all_run () { [ "$(pidof sluice-blk sluice-net | wc -w)" -ge 3 ]; }
daemon_start
say "storage and network are ready"
while ! xenstore-exists data/stop; do
	if ordered kill; then
		wait_for 60 all_run || fail "not all backends run"
		old=$(pidof sluice-blk sluice-net)
		kill -9 $old
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

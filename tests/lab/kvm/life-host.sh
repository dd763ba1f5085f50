# SPDX-License-Identifier: MIT
# The life of guests: pause, orders through the store, panic, destruction under load, and nothing left behind.
host_start
mount -t ext4 /dev/vdb /data
kernel=$(arg guest)
# life NAME MODE OPTION..
life () { _n=$1 _m=$2; shift 2; guest_start "$_n" "$kernel" "mode=$_m on=/dev/xvda" --memory=192 --disk=/data/root.img "$@"; }
ended () { wait_end "$1" "$2"; [ "$status" = "$3" ] || fail "$2 ended with status $status, not $3"; }
ticks () { grep -c 'tick ' "/out/guest-$1.log" || :; }

life off idle
wait_said 120 off 'tick '
sluice pause off
sleep 1
before=$(ticks off)
sleep 3
[ "$(ticks off)" = "$before" ] || fail "a paused guest goes on"
sluice unpause off
sleep 3
[ "$(ticks off)" -gt "$before" ] || fail "an unpaused guest does not go on"
say "pause and unpause work"
sluice shutdown off
ended 60 off 0
grep -q 'Power down' /out/guest-off.log || fail "the guest did not power off by itself"

life again idle
wait_said 120 again 'waiting for orders'
sluice reboot again
wait_for 120 sh -c '[ "$(grep -c "waiting for orders" /out/guest-again.log)" = 2 ]' || fail "the guest did not come back"
say "reboot works"
sluice destroy again
wait_end 60 again

life bad panic --on-crash=destroy
ended 120 bad 1
grep -qi crash /out/sluice-bad.log || fail "sluice does not say that the guest crashed"
say "a panic is a crash"

life busy load
wait_said 120 busy 'writing without end'
sleep 2
sluice destroy busy
wait_end 60 busy
say "destroyed under load"

# Round after round of a whole stack, destroyed while its kernel starts.
free_kib () { sync; echo 3 >/proc/sys/vm/drop_caches; awk '/MemFree/ { print $2 }' /proc/meminfo; }
round () {
	guest_start "r$1" "$kernel" mode=idle --memory=192 --disk=/data/root.img
	wait_for 30 listed "r$1" || fail "sluice list does not show r$1"
	sluice destroy "r$1"
	wait_end 30 "r$1"
	rm -f "/out/guest-r$1.log" "/out/sluice-r$1.log" /run/*-"r$1"
}
listed () { sluice list | grep -q "$1"; }
# left: processes, descriptors of the kernel's, run directories
left () {
	ps | grep 'sluice-' | grep -v grep || :
	ls -d /dev/shm/sluice-*/run.* /tmp/sluice-*/run.* 2>/dev/null || :
}
round 0
sleep 1
[ -z "$(left)" ] || fail "left behind: $(left)"
before=$(free_kib)
files=$(cut -f 1 /proc/sys/fs/file-nr)
for r in $(seq 1 15); do round $r; done
sleep 1
[ -z "$(left)" ] || fail "left behind: $(left)"
after=$(free_kib)
say "15 rounds: $before KiB free before, $after after; $files open files before, $(cut -f 1 /proc/sys/fs/file-nr) after"
[ $((before - after)) -lt 8192 ] || fail "memory is left behind"
[ $(($(cut -f 1 /proc/sys/fs/file-nr) - files)) -lt 100 ] || fail "open files are left behind"
umount /data

# SPDX-License-Identifier: MIT
# A stock guest whose disks are served by a process driver domain of a configuration file: that is
# killed as a whole, and its daemon, under the guest's load; the guest only waits.
host_start
mount -t ext4 /dev/vdb /data
cat >/tmp/store.cfg <<END
name = "store"
type = "process"
directories = [ "/data/images" ]
END
sluice create /tmp/store.cfg || fail "no driver domain"
guest_create 'disk = [ "/data/images/root.img,raw,xvda,rw,backend=store", "/data/images/more.img,raw,xvdb,rw,backend=store" ]' on=/dev/xvda
run=$(ls -d /dev/shm/sluice-*/run.*)
init () { process "sluice-domain-init *--domain-dir=$run/dom/2 *"; }
daemon () { process "/*/sluice-driverd --run-dir=$run/dom/2/*"; }
beats () { _n=$(grep -c 'LAB guest .* beat ' /out/guest-guest.log) || true; echo "$_n"; }
more_than () { [ "$(beats)" -gt "$1" ]; }
wait_said 120 guest 'beat 3'
for what in init daemon init; do
	old=$($what)
	[ -n "$old" ] || fail "there is no $what"
	kill -KILL "$old"
	now=$(beats)
	wait_for 60 more_than $((now + 3)) || fail "the guest does not go on after its $what: $(sluice dmesg)"
	[ "$($what)" != "$old" ] || fail "the $what is the one that was killed"
	say "killed, and goes on: $what"
done
sluice list | grep -qE '^store +2 +.*running' || fail "$(sluice list)"
sluice dmesg >/out/dmesg
[ "$(grep -c 'the driver domain store .* is started again' /out/dmesg)" = 3 ] || fail "$(cat /out/dmesg)"
ls /proc/$(daemon)/root/data/images >/out/reach
! ls /proc/$(daemon)/root/boot 2>/dev/null || fail "it is not confined"
type guest stop
wait_said 60 guest 'all of .* were right'
wait_for 60 is_gone guest || fail "the guest does not end"
sluice destroy store
wait_for 30 no_stack || fail "the stack did not end with its last domain"
umount /data

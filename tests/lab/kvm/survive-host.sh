# SPDX-License-Identifier: MIT
# The backends of a stock guest's disks are killed 20 times at random moments of its load, and
# replaced by sluice backend-upgrade in between.
host_start
mount -t ext4 /dev/vdb /data
kills=20
export SLUICE_LOG=info
guest_create 'disk = [ "/data/root.img,raw,xvda,rw", "/data/more.img,raw,xvdb,rw" ]' on=/dev/xvda
# The backend of a disk, by its command line.
backend () { process "*sluice-blk --backend=backend/vbd/*/$1 *"; }
is_another () { _now=$(backend "$1"); [ -n "$_now" ] && [ "$_now" != "$2" ]; }
beats () { _n=$(grep -c 'LAB guest .* beat ' /out/guest-guest.log) || true; echo "$_n"; }
more_than () { [ "$(beats)" -gt "$1" ]; }
chance () { od -An -N2 -tu2 /dev/urandom | tr -d ' '; }
upgrades=0
wait_said 120 guest 'beat 2'
for n in $(seq $kills); do
	disk=51728
	[ $((n % 4)) != 0 ] || disk=51712
	sleep "$(($(chance) % 3)).$(($(chance) % 90 + 10))"
	old=$(backend $disk)
	[ -n "$old" ] || fail "kill $n: there is no backend of $disk"
	kill -KILL "$old"
	wait_for 60 is_another $disk "$old" || fail "kill $n: no successor: $(sluice dmesg | tail -20)"
	if [ $((n % 5)) = 0 ]; then
		now=$(beats)
		wait_for 90 more_than "$now" || fail "the guest does not go on after kill $n: $(sluice dmesg | tail -20)"
		sluice backend-upgrade guest >/out/upgrade-$n 2>&1 || fail "backend-upgrade: $(cat /out/upgrade-$n)"
		upgrades=$((upgrades + 2))
	fi
done
now=$(beats)
wait_for 90 more_than $((now + 1)) || fail "the guest does not go on: $(sluice dmesg | tail -20)"
sluice dmesg >/out/dmesg
! grep 'connect again' /out/dmesg || fail "the guest had to connect again"
took=$(grep -c 'took over [0-9]* request' /out/dmesg)
requests=$(sed -n 's/.*took over \([0-9]*\) request.*/\1/p' /out/dmesg | awk '{ s += $1 } END { print s + 0 }')
[ "$took" = $((kills + upgrades)) ] || fail "$took takeovers of $kills kills and $upgrades upgrades"
[ "$requests" -gt 0 ] || fail "nothing was ever in flight"
type guest stop
wait_said 120 guest 'all of .* were right'
say "$kills kills and $upgrades upgrades under load, $requests requests taken over, $(beats) rounds: $(cat /out/upgrade-$kills | tr '\n' ' ')"
wait_for 60 no_stack || fail "the stack did not end with its last domain"
umount /data

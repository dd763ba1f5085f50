# SPDX-License-Identifier: MIT
# sluice create of a guest with a qcow2 image and a logical volume; block-attach and block-detach of images in other
# formats; backends and format servers are killed.
host_start
load dm-mod
mount -t ext4 /dev/vdb /data
{
	pvcreate /dev/vdc && vgcreate vg /dev/vdc && lvcreate -Zn -Wn -L 32M -n data vg &&
		/usr/sbin/mke2fs -q -F -t ext4 /dev/vg/data && lvchange -an vg/data
} >/out/lvm.log 2>&1 || fail "$(tail -n 5 /out/lvm.log)"
export SLUICE_LOG=info
guest_create 'disk = [ "/data/root.qcow2,qcow2,xvda,rw", "lvm:vg/data,raw,xvdb,rw" ]' on=/dev/xvda
log () { sluice dmesg >/out/dmesg 2>&1; tail -n 20 /out/dmesg; }
backend () { process "*sluice-blk --backend=backend/vbd/*/$1 *"; }
server () { process "*qemu-nbd*$1*"; }
# another WHAT NAME PID: it is there, and it is another one
another () { _now=$("$1" "$2"); [ -n "$_now" ] && [ "$_now" != "$3" ]; }
rounds () { _n=$(grep -c "LAB guest .* $1 round" /out/guest-guest.log) || true; echo "$_n"; }
more_than () { [ "$(rounds "$1")" -gt "$2" ]; }
goes_on () {
	for _name in root lvm; do
		_now=$(rounds $_name)
		wait_for 120 more_than $_name $((_now + 1)) || fail "$_name does not go on: $(log)"
	done
}
takeovers () { sluice dmesg >/out/dmesg 2>&1; grep -c 'took over [0-9]* request' /out/dmesg; }
requests () { sed -n 's/.*took over \([0-9]*\) request.*/\1/p' /out/dmesg | awk '{ s += $1 } END { print s + 0 }'; }
dmesg_has () { sluice dmesg 2>&1 | grep -q -- "$1"; }
is_connected () { sluice block-list guest | grep -qE "^$1 +.* 4 +w +"; }
wait_said 120 guest 'ready'
[ -n "$(server root.qcow2)" ] || fail "no qemu-nbd serves the root: $(log)"

# Backends are killed under the load: the guest notices a pause.
type guest load
for name in root lvm; do wait_for 120 more_than $name 1 || fail "no load on $name: $(log)"; done
for n in 1 2; do
	for vdev in 51712 51728; do
		old=$(backend $vdev)
		[ -n "$old" ] || fail "there is no backend of $vdev"
		sleep "0.$((n * 3))"
		kill -KILL "$old"
		wait_for 90 another backend $vdev "$old" || fail "no successor: $(log)"
	done
	goes_on
done
type guest stop
wait_said 180 guest 'stopped'
taken=$(takeovers)
[ "$taken" = 4 ] || fail "$taken takeovers of 4 kills: $(log)"
say "backends of qcow2 and LVM are killed under load: $(rounds root) and $(rounds lvm) rounds, $(requests) requests taken over"

# The format server of the root, with everything flushed: another one takes its place.
old=$(server root.qcow2)
kill -KILL "$old"
wait_for 60 another server root.qcow2 "$old" || fail "no new format server: $(log)"
type guest load
goes_on
type guest stop
stopped_again () { [ "$(grep -c 'LAB guest .* stopped' /out/guest-guest.log)" = 2 ]; }
wait_for 180 stopped_again || fail "the root does not go on after its format server was killed: $(log)"
say "the root's format server is killed: it goes on"

# A disk in another format comes, is used, and goes.
sluice block-attach guest /data/more.vhd,vhd,xvdc,rw || fail "block-attach of VHD failed: $(log)"
type guest vhd
wait_said 90 guest 'VHD: it was here before'
is_connected 51744 || fail "not connected: $(sluice block-list guest)"
wait_said 60 guest 'VHD done'
sluice block-detach guest xvdc || fail "block-detach failed: $(log)"
type guest gone-xvdc
wait_said 90 guest 'xvdc is gone'
no_server () { [ -z "$(server "$1")" ]; }
wait_for 60 no_server more.vhd || fail "its format server is left"
say "VHD is attached, used and detached"

# A format server dies with something unflushed: that disk fails, with the reason, and no other one.
attach_scratch () { sluice block-attach guest vdev=xvdd,access=rw,target=vmdk:/data/scratch.vmdk || fail "block-attach of VMDK failed: $(log)"; }
attach_scratch
type guest vmdk
wait_said 90 guest 'VMDK is flushed'
old=$(server scratch.vmdk)
kill -KILL "$old"
wait_for 60 another server scratch.vmdk "$old" || fail "no new format server: $(log)"
type guest read
wait_said 90 guest 'VMDK: it is the same'
type guest unflushed
wait_said 90 guest 'VMDK is not flushed'
old=$(server scratch.vmdk)
kill -KILL "$old"
type guest read
wait_said 120 guest 'VMDK: an error'
wait_for 30 dmesg_has 'all requests of this disk fail until it is attached anew' || fail "no reason: $(log)"
sluice block-detach guest xvdd || fail "block-detach of the disk that failed: $(log)"
type guest gone-xvdd
wait_said 90 guest 'xvdd is gone'
wait_for 60 no_server scratch.vmdk || fail "its format server is left"
attach_scratch
same_twice () { [ "$(grep -c 'VMDK: it is the same' /out/guest-guest.log)" = 2 ]; }
type guest read
wait_for 90 same_twice || fail "what was flushed is not there: $(log)"
sluice block-detach guest xvdd || fail "the last block-detach: $(log)"
say "a format server that dies with something unflushed fails its disk alone"

type guest end
wait_said 90 guest 'content'
wait_for 90 no_stack || fail "the stack did not end with its last domain"
[ -z "$(lvs --noheadings -o lv_active vg/data | tr -d ' ')" ] || fail "the logical volume was left active"
lvchange -ay vg/data
mkdir -p /run/lvm-data
mount -t ext4 /dev/vg/data /run/lvm-data
sum /run/lvm-data/last >/out/lvm.sum
umount /run/lvm-data
lvchange -an vg/data
umount /data

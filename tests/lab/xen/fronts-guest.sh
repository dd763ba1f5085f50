# SPDX-License-Identifier: MIT
# A stock guest whose devices are used by programs, over /dev/xen, once its kernel let go of them.
load tun xen-blkfront xen-netfront
for d in /dev/xvda /dev/xvdb /sys/class/net/eth0 /sys/class/net/eth1; do wait_for 60 test -e $d || fail "the kernel has no $d"; done
for d in vbd-51712 vbd-51728 vif-0 vif-1; do echo $d >"/sys/bus/xen/drivers/${d%-*}/unbind"; done
for d in /dev/xvda /dev/xvdb /sys/class/net/eth0 /sys/class/net/eth1; do [ ! -e $d ] || fail "the kernel keeps $d"; done
say "the kernel let go"
mkdir -p /dev/net
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
PATH=$PATH:/sluice
must () { "$@" || { xenstore-ls -fp device; dmesg | tail -n 20; fail "$*"; }; }

for disk in 51712 51728; do
	for case in sizes types discard "load ops=400" close; do
		say "disk $disk: $case"
		must blk-conform $case vdev=$disk
	done
	say "disk $disk: sluice-bench"
	must sluice-bench blk --vdev=$disk --rw=randwrite --bs=16k --iodepth=16 --verify=crc32c --eta=never
	must sluice-bench blk --vdev=$disk --rw=randread --iodepth=16 --runtime=3 --eta=never
	say "disk $disk is served well"
done

# use VIF SERVER ADDRESS..
use () {
	vif=$1 server=$2; shift 2
	head -c 4194304 /dev/urandom >/tmp/new
	echo "SUM sent$vif $(md5sum </tmp/new | cut -d ' ' -f 1)"
	cat >/tmp/use <<-END
		ping -c 3 $server && wget -q -O /tmp/file http://$server/file && nc $server 5001 </tmp/new
	END
	must sluice-netfront-tap --vif=$vif "$@" -- sh -x /tmp/use
	echo "SUM fetched$vif $(md5sum </tmp/file | cut -d ' ' -f 1)"
	say "vif $vif is served well"
}
use 0 192.0.2.1 --address=192.0.2.11/24
use 1 198.51.100.1 --address=198.51.100.2/24

# A kernel's console driver is built in, but it lets go.
echo console-1 >/sys/bus/xen/drivers/xenconsole/unbind
console-guest 1 /tmp/stop >/tmp/heard &
wait_for 60 grep -q 'heard typed' /tmp/heard || { cat /tmp/heard; xenstore-ls -fp device; fail "nothing comes from the console"; }
touch /tmp/stop
must wait $!
say "the console is served well"
dmesg | grep -iE 'leaking|BUG:|WARNING: CPU' && fail "the kernel complains"
say "the guest is content"

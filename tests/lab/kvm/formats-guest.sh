# SPDX-License-Identifier: MIT
# The guest of formats-host.sh: its root is a qcow2 image, /dev/xvdb a logical volume. It does what it
# is told on its console; "load" goes on until "stop", and sees no error and nothing but what it wrote.
mkdir -p /var/work /mnt/lvm /mnt/vhd
is_gone () { [ ! -e "/sys/block/$1" ]; }
use () { wait_for 60 test -b "/dev/$1" || fail "$1 has not come"; }
use xvdb
mount -t ext4 /dev/xvdb /mnt/lvm || fail "the logical volume cannot be mounted"
head -c 400000 /dev/urandom >/tmp/pattern-0
head -c 400000 /dev/urandom >/tmp/pattern-1

# load NAME DIR: what the disk has is read, not what memory still knows of it
load () {
	_round=0
	while [ ! -e /tmp/stop ]; do
		_pattern=/tmp/pattern-$((_round % 2))
		cp $_pattern "$2/load-$((_round % 3))" || fail "$1: not written"
		dd if=$_pattern of="$2/direct" bs=100k oflag=direct conv=notrunc 2>/dev/null || fail "$1: not written directly"
		sync
		echo 3 >/proc/sys/vm/drop_caches
		cmp $_pattern "$2/load-$((_round % 3))" || fail "$1: something else was read"
		cmp $_pattern "$2/direct" || fail "$1: something else was read of what was written directly"
		_round=$((_round + 1))
		say "$1 round $_round"
	done
	say "$1: all of $_round were right"
	: >"/tmp/well-$1"
}
# Into xvdd, as it stands, and on the disk behind it.
scratch () { dd if="$1" of=/dev/xvdd bs=64k count=16 oflag=direct "$2" 2>/dev/null; }

say "ready"
while read -r order; do
	say "order: $order"
	case $order in
	load)
		rm -f /tmp/stop /tmp/well-*
		load root /var/work &
		load lvm /mnt/lvm &
		;;
	stop)
		: >/tmp/stop
		wait_for 120 test -e /tmp/well-root -a -e /tmp/well-lvm || fail "the load did not end well"
		# The second one flushes what the first one wrote last.
		sync; sync
		say "stopped"
		;;
	vhd)
		use xvdc
		mount -t ext4 /dev/xvdc /mnt/vhd || fail "the VHD image cannot be mounted"
		say "VHD: $(cat /mnt/vhd/old)"
		cp /tmp/pattern-0 /mnt/vhd/new
		echo "SUM vhd $(sum /mnt/vhd/new)"
		umount /mnt/vhd
		say "VHD done"
		;;
	gone-*)
		wait_for 60 is_gone "${order#gone-}" || fail "${order#gone-} does not go"
		say "${order#gone-} is gone"
		;;
	vmdk)
		use xvdd
		head -c 1048576 /dev/urandom >/tmp/vmdk
		scratch /tmp/vmdk conv=fsync || fail "the VMDK image is not written"
		echo "SUM vmdk $(sum /tmp/vmdk)"
		say "VMDK is flushed"
		;;
	unflushed)
		# Behind what was flushed, which must outlive it.
		dd if=/tmp/vmdk of=/dev/xvdd bs=64k count=16 seek=32 oflag=direct 2>/dev/null || fail "not written"
		say "VMDK is not flushed"
		;;
	read)
		use xvdd
		dd if=/dev/xvdd of=/tmp/back bs=64k count=16 iflag=direct 2>/dev/null || { say "VMDK: an error"; continue; }
		cmp /tmp/vmdk /tmp/back || fail "VMDK: something else was read"
		say "VMDK: it is the same"
		;;
	end)
		cp /tmp/pattern-1 /var/work/last
		cp /tmp/pattern-0 /mnt/lvm/last
		sync
		echo "SUM root $(sum /var/work/last)"
		echo "SUM lvm $(sum /mnt/lvm/last)"
		umount /mnt/lvm
		dmesg >/tmp/dmesg
		# xvdd is the one that failed, as it should.
		! grep -E 'I/O error|EXT4-fs (error|warning)|Remounting|xvd[abc]: .*(error|barrier)|hung_task|blocked for more' /tmp/dmesg |
			grep -v 'dev xvdd' || fail "the kernel saw errors"
		say "content"
		break
		;;
	esac
done </dev/hvc0

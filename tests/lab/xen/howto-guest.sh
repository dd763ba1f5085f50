# SPDX-License-Identifier: MIT
# The guest of docs/xen.md.
load xen-blkfront xen-netfront
wait_for 120 test -b /dev/xvda || fail "no disk came"
size () { cat "/sys/block/$1/size"; }
# written DISK: what is written there can be read again, past the cache
written () {
	head -c 4194304 /dev/urandom >/tmp/new
	dd if=/tmp/new of="/dev/$1" bs=1M conv=fsync 2>/dev/null || fail "writing $1"
	echo 3 >/proc/sys/vm/drop_caches
	[ "$(head -c 4194304 "/dev/$1" | md5sum)" = "$(md5sum </tmp/new)" ] || fail "$1 has not what was written"
}
written xvda
say "the disk is written: $(size xvda) sectors"
ip addr add 192.0.2.2/24 dev eth0
ip link set eth0 up
wait_for 120 ping -c 1 -W 1 192.0.2.1 || fail "nobody answers"
say "the interface works"
wait_for 600 test -b /dev/xvdb || fail "no other disk came"
old=$(size xvdb)
written xvdb
say "another disk: $old sectors"
grew () { [ "$(size xvdb)" -gt "$old" ]; }
wait_for 600 grew || fail "it did not grow"
say "the disk grew to $(size xvdb) sectors"
no_disk () { [ ! -e /dev/xvdb ]; }
wait_for 600 no_disk || fail "it does not go"
say "the other disk is gone"
wait_for 900 xenstore-exists data/stop || fail "nobody says stop"
written xvda
ping -c 3 192.0.2.1 || fail "nobody answers any more"
say "the guest is content"

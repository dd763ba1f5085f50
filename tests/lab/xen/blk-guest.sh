# SPDX-License-Identifier: MIT
# A stock guest: read the whole disk, check its files, write, and read again past the caches.
sum () { md5sum <"$1" | cut -d ' ' -f 1; }
for m in xen-blkfront crc32c_generic ext4; do modprobe $m; done
wait_for 30 test -b /dev/xvda || { dmesg | tail -n 20; fail "the disk did not appear"; }
dmesg | grep 'blkfront: xvda'
echo "QUEUE $(cat /sys/block/xvda/queue/max_segments) segments, $(cat /sys/block/xvda/queue/write_cache)"
echo "SUM before $(sum /dev/xvda)"
say "the disk is read"
mkdir -p /mnt
mount -t ext4 /dev/xvda /mnt
(cd /mnt && md5sum -c manifest >/tmp/files) || { grep -v ': OK$' /tmp/files; fail "files differ"; }
say "$(grep -c ': OK$' /tmp/files) files are right"
dd if=/dev/urandom of=/tmp/new bs=1M count=6 2>/dev/null
cp /tmp/new /mnt/new
dd if=/tmp/new of=/mnt/new-direct bs=128k oflag=direct 2>/dev/null
dd if=/tmp/new of=/mnt/new-small bs=4k count=64 oflag=direct 2>/dev/null
echo "SUM new $(sum /tmp/new)"
umount /mnt
echo 3 >/proc/sys/vm/drop_caches
echo "SUM after $(sum /dev/xvda)"
dmesg | grep -iE 'xvda.*error|I/O error|blkfront:.*(unmapped|disabled due|bogus)' && fail "the kernel complains"
say "the guest is content"

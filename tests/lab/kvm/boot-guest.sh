# SPDX-License-Identifier: MIT
# A stock guest on its PV root: what the kernel says, checksums, writes; then a login on the console.
dmesg | grep -E 'Hypervisor detected|FIFO-based|blkfront: xvda|Booting paravirtualized'
grep ' / ' /proc/mounts
say "the clock source is $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
(cd /files && md5sum -c ../manifest >/tmp/files) || { grep -v ': OK$' /tmp/files; fail "files differ"; }
say "$(grep -c ': OK$' /tmp/files) files are right"
dd if=/dev/urandom of=/new bs=64k count=32 2>/dev/null
dd if=/new of=/new-direct bs=128k oflag=direct 2>/dev/null
sync
echo "SUM new $(sum /new)"
echo 3 >/proc/sys/vm/drop_caches
echo "SUM again $(sum /new)"
dmesg | grep -E 'xvda.*error|I/O error|blkfront:.*(unmapped|disabled due|bogus)|BUG:|WARNING: CPU' && fail "the kernel complains"
say "the guest is content"
if [ "$(arg login)" = no ]; then exit 0; fi
setsid cttyhack getty 0 hvc0

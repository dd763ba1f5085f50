#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, one driver domain serves a guest's disks and interface together. Its backends and its daemon are killed
# under a load that verifies, the guest reboots, xl's lists show what is, and nothing is left in the store.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
lab_needs
lab_roles both-dom0.sh both-driver.sh both-guest.sh
cp -a "$cache/net/." "$in/driver"
blk_programs
lab_program driver "$builddir/backends/net/sluice-net" /sluice/backends/net/sluice-net
blk_disk
lab_boot 1500
grep '^LAB' "$out/console.log" | tr -d '\r'
xl_is_content
must_say guest ' 40 files are right' 'rounds were right' 'the second start is content' 'rounds of /dev/xvdb' 'rounds of /mnt/load'
same "the file that the guest fetched" "$(lab_sum guest fetched)" "$(lab_sum storage file)"
same "the file that it fetched after its reboot" "$(lab_sum guest again)" "$(lab_sum storage file)"
must_say storage 'killed the daemon, not' 'sluice-driverd ended with status 0'
[ "$(grep -c 'killed backends' "$out/guest-storage.log")" = 3 ] || fail "the backends were not killed three times"
# xl's lists: both disks and the interface, of domain 1 and connected.
for disk in 51712 51728; do
	grep -E "^$disk +1 +2 +4 " "$out/block-list" >/dev/null || { cat "$out/block-list"; fail "xl block-list: no $disk that is connected"; }
done
grep -E '^0 +1 +00:16:3e:00:00:11 +0 +4 ' "$out/network-list" >/dev/null || { cat "$out/network-list"; fail "xl network-list: no connected interface"; }
sound "the driver domain's file system" "$in/disk-1.raw"
file_sum "$in/disk-1.raw" /disk.img >/dev/null
sound "the guest's file system" "$tmp/dumped"

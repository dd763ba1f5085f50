# SPDX-License-Identifier: MIT
# A guest from a configuration file; a disk comes, is used, goes and comes again while it runs.
host_start
mount -t ext4 /dev/vdb /data
guest_create 'disk = [ "/data/root.img,raw,xvda,rw" ]' on=/dev/xvda
wait_said 120 guest 'ready for disks'

is_connected () { sluice block-list guest | grep -qE "^$1 +.* 4 +w +"; }
sluice block-attach guest /data/more.img,raw,xvdb,rw || fail "block-attach failed"
type guest mount
wait_said 60 guest 'mounted: it was here before'
is_connected 51728 || fail "not connected: $(sluice block-list guest)"
sluice features guest >/out/features
grep -A99 'disk xvdb' /out/features | grep -qE 'feature-persistent +frontend +1$' || fail "the guest took no persistent grants: $(cat /out/features)"
wait_said 60 guest 'unmounted'
sluice block-detach guest xvdb || fail "block-detach failed"
type guest gone
wait_said 60 guest 'the disk is gone'
[ "$(sluice block-list guest | wc -l)" = 2 ] || fail "it is left: $(sluice block-list guest)"
say "attached, used, detached"

sluice block-attach guest /data/more.img,raw,xvdb,rw || fail "the second block-attach failed"
type guest again
wait_said 60 guest 'again: written by the guest'
sluice block-detach guest xvdb || fail "the second block-detach failed"
sluice shutdown --wait guest
grep -q 'Power down' /out/guest-guest.log || fail "the guest did not power off by itself"
[ "$(sluice list | wc -l)" = 1 ] || fail "$(sluice list)"
no_stack () { [ -z "$(ls -d /dev/shm/sluice-*/run.* 2>/dev/null)" ]; }
wait_for 30 no_stack || fail "the stack did not end with its last vm"
umount /data

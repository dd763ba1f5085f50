# SPDX-License-Identifier: MIT
# A stock guest with its root on a PV disk; somebody logs in on its PV console and powers it off.
host_start
mount -t ext4 /dev/vdb /data
guest_start guest "$(arg guest)" on=/dev/xvda --memory=256 --disk=/data/root.img $(arg option)
wait_said 120 guest 'login:'
type guest root
wait_said 30 guest ' # '
type guest 'echo "the answer is $((6 * 7))"'
wait_said 30 guest '^the answer is 42'
type guest 'poweroff -f'
wait_end 30 guest
umount /data
[ "$status" = 0 ]

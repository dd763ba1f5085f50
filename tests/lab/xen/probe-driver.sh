# SPDX-License-Identifier: MIT
mount_data
wait_for 20 test -b /dev/xvdb || fail "the domain's second disk did not appear"
/probe take "$(arg peer)" /data/probe.img /dev/xvdb
umount /data

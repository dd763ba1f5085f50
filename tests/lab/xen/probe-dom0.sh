# SPDX-License-Identifier: MIT
dom0_start
storage_domain "peer=2" /dev/vdb /dev/vdc
domain guest guest 160 "peer=1" ''
wait_gone 150 storage
wait_gone 120 guest

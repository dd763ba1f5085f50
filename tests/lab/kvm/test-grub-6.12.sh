#!/bin/bash
# SPDX-License-Identifier: MIT
# GRUB reads its configuration, a kernel and an initial ram disk from a disk that sluice-blk serves, and starts
# Linux, whose hypercalls a host with CONFIG_KVM_XEN passes on.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
. "$lab/grub.sh"
test_grub 6.12 6.1

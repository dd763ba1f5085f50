#!/bin/bash
# SPDX-License-Identifier: MIT
# GRUB starts Linux from a disk that sluice-blk serves, on a host without CONFIG_KVM_XEN: the hypervisor finds
# the kernel's hypercalls when it starts.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
. "$lab/grub.sh"
test_grub 6.1 6.12
grep -q 'starts a kernel of its own, [1-9][0-9]* hypercall sites rewritten' "$out/sluice-guest.log" ||
	{ lab_show; fail "the hypervisor does not say what it found"; }

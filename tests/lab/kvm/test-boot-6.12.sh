#!/bin/bash
# SPDX-License-Identifier: MIT
# A stock Debian guest boots, works and powers off on a host with Linux 6.12, whose KVM has CONFIG_KVM_XEN: its
# hypercalls are left as they are. The guest's kernel is 6.12, too.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
test_boot 6.12 6.12 --hypercalls=kvm

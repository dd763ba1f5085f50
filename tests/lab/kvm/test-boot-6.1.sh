#!/bin/bash
# SPDX-License-Identifier: MIT
# A stock Debian guest boots, works and powers off on a host with Linux 6.1, whose KVM has no CONFIG_KVM_XEN.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
test_boot 6.1 6.1

#!/bin/bash
# SPDX-License-Identifier: MIT
# The xen-blkback of a vm driver domain's stock kernel serves the root disk of another guest.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
test_driver_domain kernel

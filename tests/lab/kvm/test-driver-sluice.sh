#!/bin/bash
# SPDX-License-Identifier: MIT
# A vm driver domain, a stock guest that runs sluice-blk over /dev/xen/*, serves the root disk of another.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
test_driver_domain sluice

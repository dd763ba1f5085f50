#!/bin/bash
# SPDX-License-Identifier: MIT
# The quick part of the conformance run of the driver gluster; all of it: conformance.sh gluster.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/conformance-functions.sh"
conformance gluster quick

#!/bin/bash
# SPDX-License-Identifier: MIT
# The target dies under a load that its guest verifies, and comes back; it stops answering, and goes on; its unit
# grows: a pause, no error, no lost write. Only if it stays away longer than the disk waits there are errors.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/conformance-functions.sh"
conformance iscsi resize outage hang etimedout

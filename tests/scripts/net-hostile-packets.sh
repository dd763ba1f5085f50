#!/bin/bash
# SPDX-License-Identifier: MIT
# Packets that break a rule are dropped, or end the device.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/net-hostile-functions.sh"
run_hostile packets
logged "a slot that crosses its page"

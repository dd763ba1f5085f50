#!/bin/bash
# SPDX-License-Identifier: MIT
# Rings with wrong indices, slots that change and floods of events.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/net-hostile-functions.sh"
run_hostile rings
logged "more requests than the ring has slots"
logged "nothing is served until it closes"

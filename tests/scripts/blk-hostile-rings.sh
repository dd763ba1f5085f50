#!/bin/bash
# SPDX-License-Identifier: MIT
# Rings with wrong indices end the connection; floods of events do no harm.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
run_hostile rings
logged "its request index is out of range"

#!/bin/bash
# SPDX-License-Identifier: MIT
# What changes while it is read does no harm, and what is answered was done (XSA-155).
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
run_hostile races

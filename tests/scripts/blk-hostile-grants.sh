#!/bin/bash
# SPDX-License-Identifier: MIT
# Grants that are no good fail alone; none is kept that must not be.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
run_hostile grants
logged "a granted page could not be accessed"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Stale nodes, nodes that change while the backend reads them or while it serves.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
run_hostile changes

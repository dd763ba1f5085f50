#!/bin/bash
# SPDX-License-Identifier: MIT
# Discards that are out of range, wrap or have flags that were not advertised.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
run_hostile discard
logged "sectors beyond the end of the disk"
logged "a discard flag that is unknown or was not advertised"

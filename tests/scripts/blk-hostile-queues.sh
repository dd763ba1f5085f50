#!/bin/bash
# SPDX-License-Identifier: MIT
# Several rings: one that breaks a rule ends the connection of all.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
run_hostile queues
logged "its request index is out of range"

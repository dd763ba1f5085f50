#!/bin/bash
# SPDX-License-Identifier: MIT
# Frontends that walk through the states in their own way.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
run_hostile states

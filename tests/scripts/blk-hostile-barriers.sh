#!/bin/bash
# SPDX-License-Identifier: MIT
# Barriers on all rings at once, bad ones among them; the frontend leaves in between.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
run_hostile barriers

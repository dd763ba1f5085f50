#!/bin/bash
# SPDX-License-Identifier: MIT
# Nodes of the store with values that no good frontend writes.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/net-hostile-functions.sh"
run_hostile nodes

#!/bin/bash
# SPDX-License-Identifier: MIT
# States in any order, connections in quick succession, too many multicast groups.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/net-hostile-functions.sh"
run_hostile states

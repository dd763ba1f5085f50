#!/bin/bash
# SPDX-License-Identifier: MIT
# Control requests are checked before the page that they name is looked at.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/net-hostile-functions.sh"
run_hostile control

#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest that does not receive, and what others may send to it.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/net-hostile-functions.sh"
run_hostile receiving

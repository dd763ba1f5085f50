#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/rules-net.md: each rule has a case, and what it names exists; no case is left out.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/rules-functions.sh"
check_rules "$srcdir/docs/rules-net.md" 22 hostile-netfront
check_units "$srcdir/docs/rules-net.md" "$srcdir"/tests/unit/net*.c
check_groups hostile-netfront run_hostile "$srcdir"/tests/scripts/net-hostile-*.sh

#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/rules.md: each rule has a case, and what it names exists; no case is left out.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/rules-functions.sh"
check_rules "$srcdir/docs/rules.md" 21 hostile-blkfront
check_units "$srcdir/docs/rules.md" "$srcdir"/tests/unit/blk*.c
check_groups hostile-blkfront run_hostile "$srcdir"/tests/scripts/blk-hostile-*.sh

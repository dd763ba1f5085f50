#!/bin/bash
# SPDX-License-Identifier: MIT
# What real frontends do that Linux'\''s does not: Windows, GRUB, Mini-OS, MirageOS, FreeBSD, OVMF.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
run_hostile quirks

#!/bin/bash
# SPDX-License-Identifier: MIT
# Pages that are not granted: the packet is lost, nothing else.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/net-hostile-functions.sh"
run_hostile grants
logged "cannot be read"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Requests that break a rule get an error response; the ring goes on.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
run_hostile requests
logged "unknown or was not advertised"

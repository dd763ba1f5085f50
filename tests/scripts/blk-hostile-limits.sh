#!/bin/bash
# SPDX-License-Identifier: MIT
# Requests that wait for the disk'\''s limits keep nothing else waiting.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
requires command -v xenstore-write
slow () {
	xenstore-write "$victim/limit-iops" 20 "$victim/limit-iops-burst" 1
}
run_hostile limits "" slow

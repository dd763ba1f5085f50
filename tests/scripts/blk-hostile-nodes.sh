#!/bin/bash
# SPDX-License-Identifier: MIT
# Store nodes with senseless values are refused with the reason in log and error node.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/blk-hostile-functions.sh"
run_hostile nodes
for node in ring-page-order num-ring-pages ring-ref event-channel feature-persistent protocol \
	multi-queue-num-queues; do
	logged "$node"
done

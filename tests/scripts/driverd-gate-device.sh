#!/bin/bash
# SPDX-License-Identifier: MIT
# Over Linux's xenbus device the store gate has one request under way, over a socket one of each backend.
source "$(dirname "$0")/functions.sh"
for kind in device socket; do
	"$builddir/tests/peers/gate-device" "$builddir/drivers-domain/sluice-store-gate" $kind ||
		fail "a store behind a $kind"
done

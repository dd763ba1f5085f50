#!/bin/bash
# SPDX-License-Identifier: MIT
# The quick part of the conformance run of the driver nbd; all of it: conformance.sh nbd.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/conformance-functions.sh"
conformance nbd quick

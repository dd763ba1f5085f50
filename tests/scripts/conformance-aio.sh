#!/bin/bash
# SPDX-License-Identifier: MIT
# The quick part of the conformance run of the driver aio; all of it: conformance.sh aio.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/conformance-functions.sh"
conformance aio quick

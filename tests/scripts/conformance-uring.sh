#!/bin/bash
# SPDX-License-Identifier: MIT
# The quick part of the conformance run of the driver uring; all of it: conformance.sh uring.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/conformance-functions.sh"
conformance uring quick

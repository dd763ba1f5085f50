#!/bin/bash
# SPDX-License-Identifier: MIT
# The quick part of the conformance run of the driver partition; all of it: conformance.sh partition.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/conformance-functions.sh"
conformance partition quick

#!/bin/bash
# SPDX-License-Identifier: MIT
# The quick part of the conformance run of the driver iscsi; all of it: conformance.sh iscsi.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/conformance-functions.sh"
conformance iscsi quick

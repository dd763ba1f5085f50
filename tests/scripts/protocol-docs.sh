#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/protocol.md says what the tables say.
. "$(dirname "$0")/functions.sh"

"$builddir/protocol/gen-docs" >"$tmp/protocol.md" || fail "gen-docs does not run"
diff -u "$srcdir/docs/protocol.md" "$tmp/protocol.md" ||
	fail "docs/protocol.md is stale: run make update-protocol-docs"

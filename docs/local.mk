# SPDX-License-Identifier: MIT
EXTRA_DIST += docs/arm64.md docs/benchmarks.md docs/conformance.md docs/frontends.md docs/gluster.md docs/iscsi.md docs/nbd.md docs/protocol.md docs/rules.md docs/rules-net.md docs/net-ports.md docs/network.md docs/performance.md docs/storage.md docs/xen.md

# docs/protocol.md is committed; tests/scripts/protocol-docs.sh says when it is stale.
update-protocol-docs: protocol/gen-docs
	$(AM_V_GEN)protocol/gen-docs >$(srcdir)/docs/protocol.md
.PHONY: update-protocol-docs

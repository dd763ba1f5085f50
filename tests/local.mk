# SPDX-License-Identifier: MIT
# The tests themselves are named in the local.mk of the part they test:
#   check_PROGRAMS += tests/unit/NAME   and   TESTS += tests/unit/NAME
#   dist_check_SCRIPTS += tests/scripts/NAME.sh   and   TESTS += the same
EXTRA_DIST += tests/scripts/functions.sh tests/scripts/rules-functions.sh

# Unit tests alone. EMULATOR: what runs the programs where they are another machine's, as "qemu-aarch64 -L SYSROOT".
# Scripts are not among them: they start programs that start others.
EMULATOR =
check-units: $(check_PROGRAMS) $(check_LTLIBRARIES)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(filter-out %.sh,$(TESTS))' TEST_SUITE_LOG=check-units.log \
		LOG_COMPILER='$(if $(EMULATOR),$(LIBTOOL) --mode=execute $(EMULATOR))' \
		check_PROGRAMS= check_LTLIBRARIES= dist_check_SCRIPTS=
# What arm64 can have, cross-built below ./arm64, and its unit tests under emulation; see docs/arm64.md.
check-arm64:
	$(srcdir)/scripts/cross-arm64.sh '$(abs_builddir)/arm64' check
.PHONY: check-units check-arm64
clean-local-arm64:
	rm -rf arm64
clean-local: clean-local-arm64

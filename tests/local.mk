# SPDX-License-Identifier: MIT
# The tests themselves are named in the local.mk of the part they test:
#   check_PROGRAMS += tests/unit/NAME   and   TESTS += tests/unit/NAME
#   dist_check_SCRIPTS += tests/scripts/NAME.sh   and   TESTS += the same
EXTRA_DIST += tests/scripts/functions.sh tests/scripts/rules-functions.sh

# Unit tests alone. EMULATOR: what runs the programs where they are another machine's, as "qemu-aarch64 -L SYSROOT".
# Scripts are not among them: they start programs that start others. QEMU's user emulation has no io_uring and no
# filters of system calls: programs that call for them are left out, and these: they start programs of that machine, ask
# for the path of their own, or send a control message that does not fit. test-units.sh runs them on an emulated machine.
EMULATOR =
not_emulated = \
	tests/unit/common-fdpass \
	tests/unit/common-paths \
	tests/unit/store-libxenstore \
	tests/unit/store-xsnode \
	$(NULL)
needs_a_kernel = io_uring_queue_init|io_uring_setup|seccomp_load
unit_tests = $(filter-out %.sh,$(TESTS))
units-not-emulated: $(check_PROGRAMS) $(check_LTLIBRARIES)
	for t in $(unit_tests); do \
		real=$${t%/*}/.libs/$${t##*/}; [ -e $$real ] || real=$$t; \
		case ' $(not_emulated) ' in *" $$t "*) echo $$t; continue ;; esac; \
		! $(NM) -D $$real | grep -Eq '$(needs_a_kernel)' || echo $$t; \
	done >$@
CLEANFILES += units-not-emulated
check-units: $(check_PROGRAMS) $(check_LTLIBRARIES) $(if $(EMULATOR),units-not-emulated)
	tests='$(unit_tests)'; \
	[ -z '$(EMULATOR)' ] || tests=$$(printf '%s\n' $$tests | grep -vxFf units-not-emulated | tr '\n' ' '); \
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS="$$tests" TEST_SUITE_LOG=check-units.log \
		LOG_COMPILER='$(if $(EMULATOR),$(LIBTOOL) --mode=execute $(EMULATOR))' \
		check_PROGRAMS= check_LTLIBRARIES= dist_check_SCRIPTS=
# What arm64 can have, cross-built below ./arm64, and its unit tests under emulation; see docs/arm64.md.
check-arm64:
	$(srcdir)/scripts/cross-arm64.sh '$(abs_builddir)/arm64' check
# The Xen lab with these programs, on Debian's arm64 Xen. Not in check-long: it needs qemu-system-arm. Guests are of one
# kind there, and Debian has no GRUB for them.
xen_arm64_tests = tests/lab/xen/test-units.sh $(filter-out %/test-pvh.sh %/test-grub.sh,$(xen_lab_tests))
check-xen-arm64:
	$(srcdir)/scripts/cross-arm64.sh '$(abs_builddir)/arm64'
	cd arm64/build && $(MAKE) units-not-emulated && SLUICE_LAB_ARCH=arm64 $(MAKE) check-xen xen_lab_tests='$(xen_arm64_tests)'
.PHONY: check-units check-arm64 check-xen-arm64
clean-local-arm64:
	rm -rf arm64
clean-local: clean-local-arm64

# A lock of tests that have macvtaps.
CLEANFILES += macvtap.lock

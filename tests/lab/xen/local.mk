# SPDX-License-Identifier: MIT
# Tests on real Xen: 'make check-xen', the shortest also in 'make check'.
xen_lab_tests = \
	tests/lab/xen/test-driver-domain.sh \
	tests/lab/xen/test-blk-by-hand.sh \
	tests/lab/xen/test-blk-driverd.sh \
	tests/lab/xen/test-blk-hotplug.sh \
	tests/lab/xen/test-blk-targets.sh \
	tests/lab/xen/test-vif.sh \
	tests/lab/xen/test-console.sh \
	tests/lab/xen/test-both.sh \
	tests/lab/xen/test-pvh.sh \
	tests/lab/xen/test-grub.sh \
	tests/lab/xen/test-fronts.sh \
	$(NULL)
xen_lab_benches = \
	tests/lab/xen/bench-blk.sh \
	tests/lab/xen/bench-net.sh \
	$(NULL)
dist_noinst_SCRIPTS += $(xen_lab_tests) $(xen_lab_benches) \
	tests/lab/xen/build-bench.sh \
	tests/lab/xen/build.sh \
	tests/lab/xen/run.sh \
	tests/lab/xen/test-units.sh \
	$(NULL)
EXTRA_DIST += \
	tests/lab/xen/README.md \
	tests/lab/xen/bench-blk-dom0.sh \
	tests/lab/xen/bench-blk-driver.sh \
	tests/lab/xen/bench-blk-guest.sh \
	tests/lab/xen/bench-dom0.sh \
	tests/lab/xen/bench-guest.sh \
	tests/lab/xen/bench-net-dom0.sh \
	tests/lab/xen/bench-net-driver.sh \
	tests/lab/xen/bench-net-guest.sh \
	tests/lab/xen/bench.sh \
	tests/lab/xen/blk-dom0.sh \
	tests/lab/xen/blk-driver-by-hand.sh \
	tests/lab/xen/blk-driver-driverd.sh \
	tests/lab/xen/blk-guest.sh \
	tests/lab/xen/blk.sh \
	tests/lab/xen/block-lab \
	tests/lab/xen/both-dom0.sh \
	tests/lab/xen/both-driver.sh \
	tests/lab/xen/both-guest.sh \
	tests/lab/xen/console-dom0.sh \
	tests/lab/xen/console-driver.sh \
	tests/lab/xen/console-guest.sh \
	tests/lab/xen/fronts-dom0.sh \
	tests/lab/xen/fronts-driver.sh \
	tests/lab/xen/fronts-guest.sh \
	tests/lab/xen/functions.sh \
	tests/lab/xen/howto-dom0.sh \
	tests/lab/xen/howto-guest.sh \
	tests/lab/xen/howto-storage.sh \
	tests/lab/xen/test-howto.sh \
	tests/lab/xen/grub-dom0.sh \
	tests/lab/xen/hotplug-dom0.sh \
	tests/lab/xen/hotplug-guest.sh \
	tests/lab/xen/init \
	tests/lab/xen/lib.sh \
	tests/lab/xen/probe-dom0.sh \
	tests/lab/xen/probe-driver.sh \
	tests/lab/xen/probe-guest.sh \
	tests/lab/xen/programs.sh \
	tests/lab/xen/pvh-dom0.sh \
	tests/lab/xen/targets-dom0.sh \
	tests/lab/xen/targets-driver.sh \
	tests/lab/xen/targets-guest.sh \
	tests/lab/xen/units-dom0.sh \
	tests/lab/xen/vif-dom0.sh \
	tests/lab/xen/vif-driver.sh \
	tests/lab/xen/vif-guest.sh \
	$(NULL)

# The shortest is part of make check.
TESTS += tests/lab/xen/test-blk-driverd.sh

# Built for check-xen alone.
EXTRA_PROGRAMS = tests/lab/xen/probe
tests_lab_xen_probe_CPPFLAGS = $(AM_CPPFLAGS) $(LIBURING_CFLAGS)
tests_lab_xen_probe_LDADD = $(XENGNTTAB_LIBS) $(XENEVTCHN_LIBS) $(XENSTORE_LIBS) $(LIBURING_LIBS)
CLEANFILES += tests/lab/xen/probe

# Built for bench-xen alone. bench-cputime is for dom0.
EXTRA_PROGRAMS += tests/lab/xen/bench-load tests/lab/xen/bench-echo tests/lab/xen/bench-cputime
tests_lab_xen_bench_load_CPPFLAGS = $(AM_CPPFLAGS) $(LIBURING_CFLAGS)
tests_lab_xen_bench_load_LDADD = $(LIBURING_LIBS)
tests_lab_xen_bench_cputime_LDADD = -lxenctrl
CLEANFILES += tests/lab/xen/bench-load tests/lab/xen/bench-echo tests/lab/xen/bench-cputime

# One at a time: emulation takes a whole core, and the lab's lock would make others wait.
check-xen: backends/blk/sluice-blk backends/blk/sluice-lvm backends/blk/sluice-probe backends/net/sluice-net backends/console/sluice-console \
	drivers-domain/sluice-driverd drivers-domain/sluice-store-gate tests/lab/xen/probe \
	tests/peers/blk-conform tests/peers/console-guest frontends/sluice-netfront-tap tools/sluice-bench
	$(MAKE) $(AM_MAKEFLAGS) -j1 check-TESTS TESTS='$(xen_lab_tests)' TEST_SUITE_LOG=check-xen.log \
		check_PROGRAMS= check_LTLIBRARIES= dist_check_SCRIPTS=
.PHONY: check-xen

# docs/xen.md, typed by a script; by root, who can make a root file system.
check-xen-howto: deb
	$(MAKE) $(AM_MAKEFLAGS) -j1 check-TESTS TESTS=tests/lab/xen/test-howto.sh TEST_SUITE_LOG=check-xen-howto.log \
		check_PROGRAMS= check_LTLIBRARIES= dist_check_SCRIPTS=
check-long: check-xen-howto
.PHONY: check-xen-howto
# Our backends beside the kernel's and QEMU's; docs/benchmarks.md has what came of it.
bench-xen: backends/blk/sluice-blk backends/net/sluice-net tests/lab/xen/bench-load tests/lab/xen/bench-echo \
	tests/lab/xen/bench-cputime
	for bench in $(xen_lab_benches); do \
		SLUICE_SRCDIR='$(abs_top_srcdir)' SLUICE_BUILDDIR='$(abs_top_builddir)' \
			$(BASH_PROGRAM) $(top_srcdir)/$$bench || exit; \
	done
.PHONY: bench-xen
# The lab's parts, made from Debian's packages at the first run.
clean-local-xen-lab:
	rm -rf lab/xen
clean-local: clean-local-xen-lab

# SPDX-License-Identifier: MIT
# User-space frontends.
noinst_LTLIBRARIES += frontends/libxenfront.la
frontends_libxenfront_la_SOURCES = \
	frontends/xenfront-store.c \
	frontends/xenfront.c \
	frontends/xenfront.h \
	$(NULL)
frontends_libxenfront_la_LIBADD = \
	protocol/libprotocol.la \
	xenstore/libxsnode.la \
	common/libcommon.la \
	$(XENEVTCHN_LIBS) $(XENGNTTAB_LIBS) $(XENSTORE_LIBS) \
	$(NULL)

noinst_LTLIBRARIES += frontends/libblkfront.la
frontends_libblkfront_la_SOURCES = \
	frontends/blkfront-connect.c \
	frontends/blkfront-grants.c \
	frontends/blkfront-internal.h \
	frontends/blkfront-queue.c \
	frontends/blkfront-wait.c \
	frontends/blkfront-watch.c \
	frontends/blkfront.c \
	frontends/blkfront.h \
	$(NULL)
frontends_libblkfront_la_LIBADD = frontends/libxenfront.la

noinst_LTLIBRARIES += frontends/libnetfront.la
frontends_libnetfront_la_SOURCES = \
	frontends/netfront-connect.c \
	frontends/netfront-ctrl.c \
	frontends/netfront-grants.c \
	frontends/netfront-internal.h \
	frontends/netfront-rx.c \
	frontends/netfront-tx.c \
	frontends/netfront-wait.c \
	frontends/netfront.c \
	frontends/netfront.h \
	protocol/netif-front.c \
	protocol/netif-front.h \
	$(NULL)
frontends_libnetfront_la_LIBADD = frontends/libxenfront.la

bin_PROGRAMS += frontends/sluice-netfront-tap
frontends_sluice_netfront_tap_SOURCES = \
	frontends/tap/address.c \
	frontends/tap/main.c \
	frontends/tap/pump.c \
	frontends/tap/pump.h \
	frontends/tap/tap.c \
	frontends/tap/tap.h \
	$(NULL)
frontends_sluice_netfront_tap_LDADD = frontends/libnetfront.la
dist_man_MANS += docs/man/sluice-netfront-tap.1
dist_bashcomp_DATA += docs/completion/sluice-netfront-tap

noinst_LTLIBRARIES += frontends/libconsolefront.la
frontends_libconsolefront_la_SOURCES = \
	frontends/consolefront.c \
	frontends/consolefront.h \
	$(NULL)
frontends_libconsolefront_la_LIBADD = frontends/libxenfront.la

if HAVE_NBDKIT
nbdkitplugin_LTLIBRARIES = frontends/nbdkit/nbdkit-sluice-plugin.la
frontends_nbdkit_nbdkit_sluice_plugin_la_SOURCES = \
	frontends/nbdkit/align.c \
	frontends/nbdkit/align.h \
	frontends/nbdkit/sluice-plugin.c \
	frontends/nbdkit/worker.c \
	frontends/nbdkit/worker.h \
	$(NULL)
frontends_nbdkit_nbdkit_sluice_plugin_la_CPPFLAGS = $(AM_CPPFLAGS) $(NBDKIT_CFLAGS)
frontends_nbdkit_nbdkit_sluice_plugin_la_LDFLAGS = $(AM_LDFLAGS) \
	-module -avoid-version -shared
frontends_nbdkit_nbdkit_sluice_plugin_la_LIBADD = frontends/libblkfront.la
endif

if HAVE_CMOCKA
blkfront_tests = \
	tests/unit/blkfront \
	tests/unit/blkfront-connect \
	tests/unit/blkfront-hostile \
	tests/unit/blkfront-queues \
	tests/unit/blkfront-worker \
	$(NULL)
check_PROGRAMS += $(blkfront_tests)
TESTS += $(blkfront_tests)
blkfront_test_common = \
	tests/unit/blkfront-backend.c \
	tests/unit/blkfront-fakes.c \
	tests/unit/blkfront-fakes.h \
	tests/unit/blkfront-test.h \
	$(NULL)
tests_unit_blkfront_SOURCES = tests/unit/blkfront.c $(blkfront_test_common)
tests_unit_blkfront_connect_SOURCES = tests/unit/blkfront-connect.c $(blkfront_test_common)
tests_unit_blkfront_hostile_SOURCES = tests/unit/blkfront-hostile.c $(blkfront_test_common)
tests_unit_blkfront_queues_SOURCES = tests/unit/blkfront-queues.c $(blkfront_test_common)
tests_unit_blkfront_worker_SOURCES = tests/unit/blkfront-worker.c \
	frontends/nbdkit/align.c \
	frontends/nbdkit/align.h \
	frontends/nbdkit/worker.c \
	frontends/nbdkit/worker.h \
	$(blkfront_test_common)
tests_unit_blkfront_LDADD = frontends/libblkfront.la $(CMOCKA_LIBS)
tests_unit_blkfront_connect_LDADD = $(tests_unit_blkfront_LDADD)
tests_unit_blkfront_hostile_LDADD = $(tests_unit_blkfront_LDADD)
tests_unit_blkfront_queues_LDADD = $(tests_unit_blkfront_LDADD)
tests_unit_blkfront_worker_LDADD = $(tests_unit_blkfront_LDADD)

netfront_tests = tests/unit/netfront tests/unit/netfront-hostile
check_PROGRAMS += tests/unit/consolefront
TESTS += tests/unit/consolefront
tests_unit_consolefront_SOURCES = tests/unit/consolefront.c \
	tests/unit/blkfront-fakes.c \
	tests/unit/blkfront-fakes.h \
	$(NULL)
tests_unit_consolefront_LDADD = frontends/libconsolefront.la $(CMOCKA_LIBS)

check_PROGRAMS += $(netfront_tests)
TESTS += $(netfront_tests)
netfront_test_common = \
	tests/unit/blkfront-fakes.c \
	tests/unit/blkfront-fakes.h \
	tests/unit/netfront-rig.c \
	tests/unit/netfront-rig.h \
	$(NULL)
tests_unit_netfront_SOURCES = tests/unit/netfront.c $(netfront_test_common)
tests_unit_netfront_hostile_SOURCES = tests/unit/netfront-hostile.c $(netfront_test_common)
tests_unit_netfront_LDADD = frontends/libnetfront.la $(CMOCKA_LIBS)
tests_unit_netfront_hostile_LDADD = $(tests_unit_netfront_LDADD)
endif

dist_man_MANS += docs/man/nbdkit-sluice-plugin.1

# A frontend that breaks rules, run in a guest domain by the blk-hostile scripts.
check_PROGRAMS += tests/peers/hostile-blkfront
tests_peers_hostile_blkfront_SOURCES = \
	tests/peers/hostile-blkfront.c \
	tests/peers/hostile-changes.c \
	tests/peers/hostile-common.c \
	tests/peers/hostile-common.h \
	tests/peers/hostile-discard.c \
	tests/peers/hostile-grants.c \
	tests/peers/hostile-nodes.c \
	tests/peers/hostile-peer.c \
	tests/peers/hostile-queues.c \
	tests/peers/hostile-quirks.c \
	tests/peers/hostile-races.c \
	tests/peers/hostile-requests.c \
	tests/peers/hostile-rings.c \
	tests/peers/hostile-states.c \
	tests/peers/hostile.h \
	$(NULL)
tests_peers_hostile_blkfront_LDADD = frontends/libblkfront.la

# The same of network interfaces, by the net-hostile scripts.
check_PROGRAMS += tests/peers/hostile-netfront
tests_peers_hostile_netfront_SOURCES = \
	tests/peers/hostile-common.c \
	tests/peers/hostile-common.h \
	tests/peers/hostile-net-control.c \
	tests/peers/hostile-net-packets.c \
	tests/peers/hostile-net-peer.c \
	tests/peers/hostile-net-receiving.c \
	tests/peers/hostile-net-rings.c \
	tests/peers/hostile-net.h \
	tests/peers/hostile-netfront.c \
	$(NULL)
tests_peers_hostile_netfront_LDADD = frontends/libnetfront.la

# A stack of guests with network interfaces, for the net scripts.
check_PROGRAMS += tests/peers/net-stack
tests_peers_net_stack_SOURCES = tests/peers/net-stack.c
tests_peers_net_stack_LDADD = tools/libstack.la

# A guest that its backend is killed under, run by the survive scripts.
check_PROGRAMS += tests/peers/blk-survivor
tests_peers_blk_survivor_SOURCES = tests/peers/blk-survivor.c
tests_peers_blk_survivor_LDADD = frontends/libblkfront.la

# The guest of the conformance run, which every storage driver passes.
check_PROGRAMS += tests/peers/blk-conform
tests_peers_blk_conform_SOURCES = \
	tests/peers/conform-events.c \
	tests/peers/conform-io.c \
	tests/peers/conform-model.c \
	tests/peers/conform-patterns.c \
	tests/peers/conform.c \
	tests/peers/conform.h \
	$(NULL)
tests_peers_blk_conform_LDADD = frontends/libblkfront.la

# The same run's driver without backend and frontend; modules find the core in it.
check_PROGRAMS += tests/peers/blk-direct
tests_peers_blk_direct_SOURCES = tests/peers/blk-direct.c common/confine-files.c
tests_peers_blk_direct_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_peers_blk_direct_LDFLAGS = $(AM_LDFLAGS) -export-dynamic -Wl,-u,servers_add \
	-Wl,-u,servers_start -Wl,-u,confine_self
tests_peers_blk_direct_LDADD = backends/blk/libblkcore.la common/libservers.la common/libconfine.la \
	$(XENEVTCHN_LIBS) $(XENGNTTAB_LIBS)

blkfront_scripts = \
	tests/scripts/blk-hostile-barriers.sh \
	tests/scripts/blk-hostile-blocks.sh \
	tests/scripts/blk-hostile-changes.sh \
	tests/scripts/blk-hostile-discard.sh \
	tests/scripts/blk-hostile-grants.sh \
	tests/scripts/blk-hostile-limits.sh \
	tests/scripts/blk-hostile-nodes.sh \
	tests/scripts/blk-hostile-queues.sh \
	tests/scripts/blk-hostile-quirks.sh \
	tests/scripts/blk-hostile-races.sh \
	tests/scripts/blk-hostile-readonly.sh \
	tests/scripts/blk-hostile-requests.sh \
	tests/scripts/blk-hostile-rings.sh \
	tests/scripts/blk-hostile-states.sh \
	tests/scripts/blk-rules.sh \
	tests/scripts/blk-survive.sh \
	tests/scripts/blk-survive-daemon.sh \
	tests/scripts/blk-survive-store.sh \
	tests/scripts/blk-upgrade.sh \
	tests/scripts/conformance-aio.sh \
	tests/scripts/conformance-docs.sh \
	tests/scripts/conformance-nbd.sh \
	tests/scripts/conformance-partition.sh \
	tests/scripts/conformance-uring.sh \
	tests/scripts/create-format.sh \
	tests/scripts/format-bad.sh \
	tests/scripts/format-confined.sh \
	tests/scripts/format-daemon.sh \
	tests/scripts/format-killed.sh \
	tests/scripts/format-serves.sh \
	tests/scripts/nbd-errors.sh \
	tests/scripts/net-rules.sh \
	$(NULL)
if HAVE_NBDKIT
blkfront_scripts += \
	tests/scripts/nbdkit-backend-killed.sh \
	tests/scripts/nbdkit-copy.sh \
	tests/scripts/nbdkit-e2fsck.sh \
	tests/scripts/nbdkit-fio.sh \
	tests/scripts/nbdkit-parameters.sh \
	tests/scripts/nbdkit-qemu-img.sh \
	tests/scripts/nbdkit-readonly.sh \
	$(NULL)
endif
dist_check_SCRIPTS += $(blkfront_scripts)
TESTS += $(blkfront_scripts)
EXTRA_DIST += \
	tests/scripts/blk-hostile-functions.sh \
	tests/scripts/bench-storage.sh \
	tests/scripts/blk-survive-functions.sh \
	tests/scripts/conformance-functions.sh \
	tests/scripts/conformance.sh \
	tests/scripts/nbdkit-functions.sh \
	tests/scripts/storage-aio.sh \
	tests/scripts/storage-functions.sh \
	tests/scripts/storage-lvm.sh \
	tests/scripts/storage-nbd.sh \
	tests/scripts/format-functions.sh \
	tests/scripts/format-locks.sh \
	tests/scripts/format-vhd-full.sh \
	tests/scripts/storage-qcow2.sh \
	tests/scripts/storage-partition.sh \
	tests/scripts/storage-uring.sh \
	tests/scripts/storage-vhd.sh \
	tests/scripts/storage-vmdk.sh \
	$(NULL)

netfront_scripts = \
	tests/scripts/net-hostile-control.sh \
	tests/scripts/net-hostile-grants.sh \
	tests/scripts/net-hostile-nodes.sh \
	tests/scripts/net-hostile-packets.sh \
	tests/scripts/net-hostile-receiving.sh \
	tests/scripts/net-hostile-rings.sh \
	tests/scripts/net-hostile-states.sh \
	tests/scripts/netfront-backend-killed.sh \
	tests/scripts/netfront-iperf.sh \
	tests/scripts/netfront-ping.sh \
	tests/scripts/netfront-tap-options.sh \
	tests/scripts/netfront-transfer.sh \
	tests/scripts/netfront-user.sh \
	tests/scripts/netfront-user-unprivileged.sh \
	$(NULL)
dist_check_SCRIPTS += $(netfront_scripts)
TESTS += $(netfront_scripts)
EXTRA_DIST += \
	tests/scripts/net-hostile-functions.sh \
	tests/scripts/netfront-functions.sh \
	$(NULL)

# As 'make check' does it, but at least 100 times in all.
check-survive: all
	$(MAKE) $(AM_MAKEFLAGS) $(check_PROGRAMS)
	SLUICE_KILLS=40 $(srcdir)/tests/scripts/blk-survive.sh
check-long: check-survive
.PHONY: check-survive

# Every case on every storage driver that is here; 'make check' runs a few.
check-conformance: all
	$(MAKE) $(AM_MAKEFLAGS) $(check_PROGRAMS)
	SLUICE_SRCDIR='$(abs_top_srcdir)' SLUICE_BUILDDIR='$(abs_top_builddir)' \
		$(BASH_PROGRAM) $(srcdir)/tests/scripts/conformance.sh all
	for t in format-locks format-vhd-full; do \
		SLUICE_SRCDIR='$(abs_top_srcdir)' SLUICE_BUILDDIR='$(abs_top_builddir)' \
			$(BASH_PROGRAM) $(srcdir)/tests/scripts/$$t.sh || [ $$? = 77 ] || exit 1; \
	done
check-long: check-conformance
.PHONY: check-conformance

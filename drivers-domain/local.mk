# SPDX-License-Identifier: MIT
# The daemon of a driver domain: libxenstore, and in restrict.c alone, where there is
# a hypervisor of ours, a connection for each backend.
noinst_LTLIBRARIES += drivers-domain/libscan.la
drivers_domain_libscan_la_SOURCES = drivers-domain/scan.c drivers-domain/scan.h
sbin_PROGRAMS += drivers-domain/sluice-driverd
drivers_domain_sluice_driverd_SOURCES = \
	drivers-domain/audit.c \
	drivers-domain/audit.h \
	drivers-domain/cgroup.c \
	drivers-domain/cgroup.h \
	drivers-domain/daemon.c \
	drivers-domain/daemon.h \
	drivers-domain/device.c \
	drivers-domain/device.h \
	drivers-domain/files.c \
	drivers-domain/files.h \
	drivers-domain/format-flush.c \
	drivers-domain/format-flush.h \
	drivers-domain/format.c \
	drivers-domain/format.h \
	drivers-domain/gate-control.h \
	drivers-domain/gate-keeper.c \
	drivers-domain/gate-keeper.h \
	drivers-domain/image.c \
	drivers-domain/image.h \
	drivers-domain/launch.c \
	drivers-domain/launch.h \
	drivers-domain/hotplug.c \
	drivers-domain/hotplug.h \
	drivers-domain/hotplug-nodes.c \
	drivers-domain/hotplug-nodes.h \
	drivers-domain/launch-ns.c \
	drivers-domain/launch-ns.h \
	drivers-domain/launch-script.c \
	drivers-domain/leaf.c \
	drivers-domain/leaf.h \
	drivers-domain/main.c \
	drivers-domain/notify.c \
	drivers-domain/notify.h \
	drivers-domain/policy.c \
	drivers-domain/policy.h \
	drivers-domain/restrict.c \
	drivers-domain/restrict.h \
	drivers-domain/script.c \
	drivers-domain/script.h \
	drivers-domain/serve.c \
	drivers-domain/serve-launch.c \
	drivers-domain/store-fd.c \
	drivers-domain/store-fd.h \
	drivers-domain/store-link.c \
	drivers-domain/upgrade.c \
	drivers-domain/upgrade.h \
	drivers-domain/upgrade-words.c \
	drivers-domain/watch.c \
	$(NULL)
drivers_domain_sluice_driverd_LDADD = \
	drivers-domain/libgatepolicy.la \
	drivers-domain/libscan.la \
	hypervisor/process/libhvctl.la \
	xenstore/libxsnode.la \
	common/libcommon.la \
	$(XENSTORE_LIBS) \
	$(NULL)

# Between the backends and the store; knows neither libxenstore nor a hypervisor.
noinst_LTLIBRARIES += drivers-domain/libgatepolicy.la
drivers_domain_libgatepolicy_la_SOURCES = drivers-domain/gate-policy.c drivers-domain/gate-policy.h
drivers_domain_libgatepolicy_la_LIBADD = drivers-domain/libscan.la
noinst_LTLIBRARIES += drivers-domain/libgate.la
drivers_domain_libgate_la_SOURCES = \
	drivers-domain/gate.c \
	drivers-domain/gate.h \
	drivers-domain/gate-client.c \
	drivers-domain/gate-watch.c \
	drivers-domain/gate-watch.h \
	$(NULL)
drivers_domain_libgate_la_LIBADD = drivers-domain/libgatepolicy.la
sbin_PROGRAMS += drivers-domain/sluice-store-gate
drivers_domain_sluice_store_gate_SOURCES = \
	drivers-domain/gate-main.c \
	drivers-domain/gate-main.h \
	drivers-domain/gate-store.c \
	drivers-domain/gate-control.h \
	$(NULL)
drivers_domain_sluice_store_gate_LDADD = \
	drivers-domain/libgate.la \
	common/libconfine.la \
	common/libcommon.la \
	$(NULL)

# What reads an image is somebody else's program; this one sees to it that it reads nothing more.
sbin_PROGRAMS += drivers-domain/sluice-format
drivers_domain_sluice_format_SOURCES = \
	drivers-domain/format-header.c \
	drivers-domain/format-header.h \
	drivers-domain/format-jail.c \
	drivers-domain/format-jail.h \
	drivers-domain/format-main.c \
	$(NULL)
drivers_domain_sluice_format_LDADD = common/libconfine.la common/libcommon.la
if HAVE_LIBSECCOMP
drivers_domain_sluice_format_SOURCES += drivers-domain/format-calls.c
drivers_domain_sluice_format_LDADD += $(LIBSECCOMP_LIBS)
else
drivers_domain_sluice_format_SOURCES += drivers-domain/format-calls-none.c
endif
EXTRA_DIST += drivers-domain/format-calls.c drivers-domain/format-calls-none.c

if HAVE_CMOCKA
driverd_unit_tests = \
	tests/unit/driverd-device \
	tests/unit/driverd-gate \
	tests/unit/driverd-gate-noise \
	tests/unit/driverd-gate-policy \
	tests/unit/driverd-gate-restart \
	tests/unit/driverd-gate-transactions \
	tests/unit/driverd-gate-watches \
	tests/unit/driverd-keeper \
	tests/unit/driverd-policy \
	tests/unit/driverd-scan \
	tests/unit/driverd-scripts \
	tests/unit/driverd-upgrade \
	$(NULL)
check_PROGRAMS += $(driverd_unit_tests)
TESTS += $(driverd_unit_tests)
tests_unit_driverd_device_SOURCES = tests/unit/driverd-device.c drivers-domain/device.c \
	drivers-domain/policy.c
tests_unit_driverd_device_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_device_LDADD = $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/driverd-flush tests/unit/driverd-format
TESTS += tests/unit/driverd-flush tests/unit/driverd-format
tests_unit_driverd_flush_SOURCES = tests/unit/driverd-flush.c drivers-domain/format-flush.c \
	drivers-domain/format-flush.h
tests_unit_driverd_flush_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_flush_LDADD = common/libcommon.la $(CMOCKA_LIBS)
tests_unit_driverd_format_SOURCES = tests/unit/driverd-format.c drivers-domain/format-header.c \
	drivers-domain/format-header.h
tests_unit_driverd_format_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_format_LDADD = $(CMOCKA_LIBS)
check_LTLIBRARIES += tests/unit/libgaterig.la
tests_unit_libgaterig_la_SOURCES = tests/unit/gate-rig.c tests/unit/gate-rig.h
tests_unit_libgaterig_la_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_libgaterig_la_LIBADD = drivers-domain/libgate.la
gate_test_libs = tests/unit/libgaterig.la $(CMOCKA_LIBS)
tests_unit_driverd_gate_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_gate_LDADD = $(gate_test_libs)
tests_unit_driverd_gate_noise_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_gate_noise_LDADD = $(gate_test_libs)
tests_unit_driverd_gate_restart_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_gate_restart_LDADD = $(gate_test_libs)
tests_unit_driverd_gate_transactions_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_gate_transactions_LDADD = $(gate_test_libs)
tests_unit_driverd_gate_watches_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_gate_watches_LDADD = $(gate_test_libs)
tests_unit_driverd_gate_policy_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_gate_policy_LDADD = drivers-domain/libgatepolicy.la protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_driverd_keeper_SOURCES = tests/unit/driverd-keeper.c drivers-domain/gate-keeper.c \
	drivers-domain/policy.c
tests_unit_driverd_keeper_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_keeper_LDADD = drivers-domain/libgatepolicy.la common/libcommon.la $(CMOCKA_LIBS)
tests_unit_driverd_policy_SOURCES = tests/unit/driverd-policy.c drivers-domain/policy.c
tests_unit_driverd_policy_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_policy_LDADD = $(CMOCKA_LIBS)
tests_unit_driverd_scan_SOURCES = tests/unit/driverd-scan.c drivers-domain/scan.c
tests_unit_driverd_scan_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_scan_LDADD = $(CMOCKA_LIBS)
tests_unit_driverd_scripts_SOURCES = tests/unit/driverd-scripts.c drivers-domain/device.c \
	drivers-domain/policy.c drivers-domain/script.c
tests_unit_driverd_scripts_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_scripts_LDADD = $(CMOCKA_LIBS)
tests_unit_driverd_upgrade_SOURCES = tests/unit/driverd-upgrade.c drivers-domain/device.c \
	drivers-domain/policy.c drivers-domain/upgrade-words.c
tests_unit_driverd_upgrade_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_driverd_upgrade_LDADD = $(CMOCKA_LIBS)
endif

driverd_scripts = \
	tests/scripts/driverd-audit.sh \
	tests/scripts/driverd-audit-servers.sh \
	tests/scripts/driverd-cgroup.sh \
	tests/scripts/driverd-completion.sh \
	tests/scripts/driverd-apart.sh \
	tests/scripts/driverd-lock.sh \
	tests/scripts/driverd-serves.sh \
	tests/scripts/driverd-confined.sh \
	tests/scripts/driverd-crash.sh \
	tests/scripts/driverd-storage.sh \
	tests/scripts/driverd-remove.sh \
	tests/scripts/driverd-vanish.sh \
	tests/scripts/driverd-end-hung.sh \
	tests/scripts/driverd-end-starting.sh \
	tests/scripts/driverd-late.sh \
	tests/scripts/driverd-shutdown.sh \
	tests/scripts/driverd-hostile.sh \
	tests/scripts/driverd-junk.sh \
	tests/scripts/driverd-leftovers.sh \
	tests/scripts/driverd-limit.sh \
	tests/scripts/driverd-adopt.sh \
	tests/scripts/driverd-store-gone.sh \
	tests/scripts/driverd-store-restart.sh \
	tests/scripts/driverd-store-shutdown.sh \
	tests/scripts/driverd-gate.sh \
	tests/scripts/driverd-gate-device.sh \
	tests/scripts/driverd-gate-forgets.sh \
	tests/scripts/driverd-gate-full.sh \
	tests/scripts/driverd-gate-restart.sh \
	tests/scripts/driverd-cycles.sh \
	tests/scripts/driverd-docs.sh \
	tests/scripts/driverd-flips.sh \
	tests/scripts/driverd-flood.sh \
	tests/scripts/driverd-thousands.sh \
	tests/scripts/driverd-values.sh \
	tests/scripts/driverd-format.sh \
	tests/scripts/driverd-format-flush.sh \
	tests/scripts/driverd-format-lost.sh \
	tests/scripts/driverd-options.sh \
	tests/scripts/driverd-notify.sh \
	tests/scripts/driverd-script-adopt.sh \
	tests/scripts/driverd-script-disk.sh \
	tests/scripts/driverd-script-fails.sh \
	tests/scripts/driverd-script-flips.sh \
	tests/scripts/driverd-script-hangs.sh \
	tests/scripts/driverd-script-net.sh \
	tests/scripts/driverd-script-path.sh \
	tests/scripts/driverd-script-slow.sh \
	tests/scripts/driverd-slow.sh \
	tests/scripts/driverd-script-vif.sh \
	tests/scripts/driverd-script-vif-crash.sh \
	tests/scripts/driverd-stack.sh \
	tests/scripts/driverd-upgrade.sh \
	tests/scripts/driverd-upgrade-adopt.sh \
	tests/scripts/driverd-upgrade-bad.sh \
	tests/scripts/driverd-upgrade-late.sh \
	$(NULL)
check_PROGRAMS += tests/unit/driverd-introduce
tests_unit_driverd_introduce_LDADD = $(XENSTORE_LIBS)
check_PROGRAMS += tests/peers/gate-device
tests_peers_gate_device_LDADD = common/libcommon.la
check_PROGRAMS += tests/peers/escape
tests_peers_escape_SOURCES = tests/peers/escape.c tests/peers/escape-store.c \
	tests/peers/escape-store.h
tests_peers_escape_LDADD = backends/blk/libblkcore.la common/libconfine.la \
	$(XENEVTCHN_LIBS) $(XENGNTTAB_LIBS) $(XENSTORE_LIBS)
dist_check_SCRIPTS += $(driverd_scripts)
EXTRA_DIST += tests/scripts/driverd-functions.sh tests/scripts/driverd-upgrade-functions.sh
TESTS += $(driverd_scripts)

dist_man_MANS += docs/man/sluice-driverd.8 docs/man/sluice-format.8 docs/man/sluice-store-gate.8
EXTRA_DIST += docs/drivers.md docs/driver-domain.md


dist_bashcomp_DATA += \
	docs/completion/sluice-blk \
	docs/completion/sluice-driverd \
	$(NULL)

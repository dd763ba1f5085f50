# SPDX-License-Identifier: MIT
# The toolstack's command and the benchmark.
noinst_LTLIBRARIES += tools/libstack.la
tools_libstack_la_SOURCES = \
	tools/arg-list.c \
	tools/arg-list.h \
	tools/rundir.h \
	tools/stack-bridge.c \
	tools/stack-bridge.h \
	tools/stack-build.c \
	tools/stack-build.h \
	tools/stack-check.c \
	tools/stack-console.c \
	tools/stack-console.h \
	tools/stack-cpu.c \
	tools/stack-dir.c \
	tools/stack-iface.c \
	backends/net/link.c \
	hypervisor/process/domain-listen.c \
	hypervisor/process/domain-listen.h \
	tools/stack-disk.c \
	tools/stack-log.c \
	backends/blk/helper.c \
	backends/blk/partition-find.c \
	tools/stack-lvm.c \
	tools/stack-net.c \
	tools/stack-net.h \
	tools/stack-network.c \
	tools/stack-nodes.c \
	tools/stack-private.h \
	tools/stack-path.c \
	tools/stack-process.c \
	tools/stack-process.h \
	tools/stack-reach.c \
	tools/stack-relay-disk.c \
	tools/stack-relay.c \
	tools/stack-relay.h \
	tools/stack-spawn.c \
	tools/stack-vm-nodes.c \
	tools/stack-vm.c \
	tools/stack-vm.h \
	tools/stack.c \
	tools/stack.h \
	tools/vdev.c \
	tools/vdev.h \
	$(NULL)
tools_libstack_la_LIBADD = \
	tools/libdiskservers.la \
	hypervisor/process/libhvctl.la \
	xenstore/libxsnode.la \
	common/libcommon.la \
	$(NULL)

# Whose servers a disk's name names. Objects of its own: unit tests have some of these files, too.
noinst_LTLIBRARIES += tools/libdiskservers.la
tools_libdiskservers_la_SOURCES = \
	backends/blk/gluster-uri.c \
	backends/blk/iscsi-uri.c \
	backends/blk/nbd-uri.c \
	backends/blk/uri-text.c \
	tools/disk-servers.c \
	tools/disk-servers.h \
	$(NULL)
tools_libdiskservers_la_CPPFLAGS = $(AM_CPPFLAGS)

# Looking at what backends show; unit tests link it.
noinst_LTLIBRARIES += tools/libmetrics.la
tools_libmetrics_la_SOURCES = \
	tools/boot-ask.c \
	tools/boot-ask.h \
	tools/metrics-find.c \
	tools/metrics-find.h \
	tools/metrics-http.c \
	tools/metrics-http.h \
	tools/metrics-listen.c \
	tools/metrics-read.c \
	tools/metrics-read.h \
	tools/metrics-request.c \
	tools/metrics-request.h \
	tools/metrics-text.c \
	tools/metrics-text-net.c \
	tools/metrics-text.h \
	tools/top-rates.c \
	tools/top-net.c \
	tools/top-show.c \
	tools/top.h \
	$(NULL)
tools_libmetrics_la_LIBADD = tools/libstack.la drivers-domain/libscan.la common/libcommon.la

bin_PROGRAMS += tools/sluice
tools_sluice_SOURCES = \
	tools/boot-control.c \
	tools/boot-options.c \
	tools/boot-plug-disk.c \
	tools/boot-plug-vif.c \
	tools/boot-plug.c \
	tools/boot-plug.h \
	tools/boot-private.h \
	tools/boot-process.c \
	tools/boot-run.c \
	tools/boot-verbs.c \
	tools/boot-vm.c \
	tools/boot.h \
	tools/cfg-disk.c \
	tools/cfg-keys.c \
	tools/cfg-keys.h \
	tools/cfg-net.c \
	tools/cfg-private.h \
	tools/cfg-process.c \
	tools/cfg-scan.c \
	tools/cfg-scan.h \
	tools/cfg.c \
	tools/cfg.h \
	tools/client-stack.c \
	tools/client.c \
	tools/client.h \
	tools/cmd-block.c \
	tools/cmd-boot.c \
	tools/cmd-console.c \
	tools/cmd-control.c \
	tools/cmd-create.c \
	tools/cmd-device.c \
	tools/cmd-device.h \
	tools/cmd-exec.c \
	tools/cmd-features.c \
	tools/cmd-info.c \
	tools/cmd-metrics.c \
	tools/cmd-net.c \
	tools/cmd-top.c \
	tools/cmd-upgrade.c \
	tools/console-client.c \
	tools/console-client.h \
	tools/disk-arg.c \
	tools/disk-arg.h \
	tools/log-option.c \
	tools/log-option.h \
	tools/net-arg.c \
	tools/net-arg.h \
	tools/process-arg.c \
	tools/process-arg.h \
	tools/reach-arg.c \
	tools/reach-arg.h \
	tools/sluice.c \
	tools/sluice.h \
	tools/top-terminal.c \
	tools/upgrade-list.c \
	tools/upgrade-list.h \
	$(NULL)
tools_sluice_LDADD = tools/libmetrics.la tools/libstack.la protocol/libprotocol.la -lm $(XLUTIL_LIBS)

# What of the benchmark is pure; unit tests link it.
noinst_LTLIBRARIES += tools/libbench.la
tools_libbench_la_SOURCES = \
	tools/bench-merge.c \
	tools/bench-merge.h \
	tools/bench-net-options.c \
	tools/bench-net-report.c \
	tools/bench-net.h \
	tools/bench-options.c \
	tools/bench-options.h \
	tools/bench-report.c \
	tools/bench-report.h \
	tools/bench-verify.c \
	tools/bench-verify.h \
	tools/bench-wire.c \
	tools/bench-wire.h \
	tools/compare-options.c \
	tools/compare-stats.c \
	tools/compare-table.c \
	tools/compare-target.c \
	tools/compare.h \
	tools/crc32c.c \
	tools/crc32c.h \
	tools/histogram.c \
	tools/histogram.h \
	tools/prng.h \
	$(NULL)
tools_libbench_la_CPPFLAGS = $(AM_CPPFLAGS)
tools_libbench_la_LIBADD = -lm
if HAVE_JANSSON
tools_libbench_la_SOURCES += tools/bench-json.c tools/compare-json.c
tools_libbench_la_CPPFLAGS += $(JANSSON_CFLAGS)
tools_libbench_la_LIBADD += $(JANSSON_LIBS)
else
tools_libbench_la_SOURCES += tools/bench-json-none.c tools/compare-json-none.c
endif
EXTRA_DIST += \
	tools/bench-json.c \
	tools/bench-json-none.c \
	tools/compare-json.c \
	tools/compare-json-none.c \
	$(NULL)

# The guest's side of event delivery, for the benchmark and for tests of the other side.
noinst_LTLIBRARIES += tools/libeventconsumer.la
tools_libeventconsumer_la_SOURCES = tools/event-consumer.c tools/event-consumer.h

bin_PROGRAMS += tools/sluice-bench
tools_sluice_bench_SOURCES = \
	tools/bench-blk.c \
	tools/bench-events-direct.c \
	tools/bench-events-process.c \
	tools/bench-events.c \
	tools/bench-events.h \
	tools/bench-file.c \
	tools/bench-file.h \
	tools/bench-guest.c \
	tools/bench-load.c \
	tools/bench-load.h \
	tools/bench-net-guest.c \
	tools/bench-net-host.c \
	tools/bench-net-load.c \
	tools/bench-net-run.c \
	tools/bench-net.c \
	tools/bench-pace.c \
	tools/bench-pick.c \
	tools/bench-vhost-user.c \
	tools/bench.c \
	tools/bench.h \
	tools/compare-peers.c \
	tools/compare-run.c \
	tools/compare.c \
	$(NULL)
tools_sluice_bench_LDADD = \
	tools/libbench.la \
	tools/libeventconsumer.la \
	hypervisor/libhvstate.la \
	$(XENEVTCHN_LIBS) \
	tools/libstack.la \
	frontends/libblkfront.la \
	frontends/libnetfront.la \
	$(NULL)

if HAVE_CMOCKA
tools_tests = \
	tests/unit/tools-cfg \
	tests/unit/tools-compare \
	tests/unit/tools-control \
	tests/unit/tools-histogram \
	tests/unit/tools-log \
	tests/unit/tools-metrics \
	tests/unit/tools-metrics-request \
	tests/unit/tools-options \
	tests/unit/tools-verify \
	$(NULL)
check_PROGRAMS += $(tools_tests)
TESTS += $(tools_tests)
check_PROGRAMS += tests/unit/disk-servers
TESTS += tests/unit/disk-servers
tests_unit_disk_servers_SOURCES = tests/unit/disk-servers.c
tests_unit_disk_servers_LDADD = tools/libdiskservers.la common/libcommon.la $(CMOCKA_LIBS)
tests_unit_tools_cfg_SOURCES = tests/unit/tools-cfg.c tools/cfg-keys.c tools/cfg-scan.c
tests_unit_tools_cfg_LDADD = $(CMOCKA_LIBS)
tests_unit_tools_compare_SOURCES = tests/unit/tools-compare.c
tests_unit_tools_compare_LDADD = tools/libbench.la common/libcommon.la $(CMOCKA_LIBS)
tests_unit_tools_control_SOURCES = tests/unit/tools-control.c tools/boot-control.c
tests_unit_tools_control_LDADD = tools/libmetrics.la $(CMOCKA_LIBS)
tests_unit_tools_histogram_SOURCES = tests/unit/tools-histogram.c
tests_unit_tools_histogram_LDADD = tools/libbench.la $(CMOCKA_LIBS)
tests_unit_tools_metrics_SOURCES = tests/unit/tools-metrics.c
tests_unit_tools_log_SOURCES = tests/unit/tools-log.c
tests_unit_tools_log_LDADD = tools/libstack.la $(XENSTORE_LIBS) $(CMOCKA_LIBS)
tests_unit_tools_metrics_LDADD = tools/libmetrics.la backends/common/libbackend.la $(CMOCKA_LIBS)
tests_unit_tools_metrics_request_SOURCES = tests/unit/tools-metrics-request.c
tests_unit_tools_metrics_request_LDADD = tools/libmetrics.la $(CMOCKA_LIBS)
tests_unit_tools_options_SOURCES = \
	tests/unit/tools-options.c \
	tools/disk-arg.c \
	$(NULL)
tests_unit_tools_options_LDADD = tools/libbench.la tools/libstack.la $(CMOCKA_LIBS)
tests_unit_tools_verify_SOURCES = tests/unit/tools-verify.c
tests_unit_tools_verify_LDADD = tools/libbench.la $(CMOCKA_LIBS)
if HAVE_JANSSON
check_PROGRAMS += tests/unit/tools-json
TESTS += tests/unit/tools-json
tests_unit_tools_json_SOURCES = tests/unit/tools-json.c
tests_unit_tools_json_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_tools_json_LDADD = tools/libbench.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
endif
endif

# A kernel for tests of sluice boot. Not the build's own flags: no library, no sanitizer.
boot_guest_sources = tests/boot/guest.S tests/boot/guest.c
EXTRA_DIST += $(boot_guest_sources) tests/boot/guest.lds tests/scripts/boot-functions.sh \
	tests/scripts/create-functions.sh tests/scripts/xl-cfg-keys.txt
if HYPERVISOR
check_DATA += tests/boot/guest.elf
endif
CLEANFILES += tests/boot/guest.elf
boot_guest_flags = -std=gnu11 -O2 -g0 $(WARN_CFLAGS) -m64 -ffreestanding -fno-pic -fno-pie \
	-mno-red-zone -mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-tree-loop-distribute-patterns
tests/boot/guest.elf: $(boot_guest_sources) tests/boot/guest.lds
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(CC) $(AM_CPPFLAGS) -I$(top_builddir) $(boot_guest_flags) \
		-nostdlib -static -no-pie -Wl,-T,$(srcdir)/tests/boot/guest.lds -Wl,--build-id=none \
		-Wl,--no-warn-rwx-segments -o $@ $(srcdir)/tests/boot/guest.S $(srcdir)/tests/boot/guest.c

dist_bashcomp_DATA += tools/completion/sluice tools/completion/sluice-bench
dist_man_MANS += docs/man/sluice.1 docs/man/sluice-bench.1 docs/man/sluice-boot.1 \
	docs/man/sluice-backend-upgrade.1 \
	docs/man/sluice-create.1 docs/man/sluice-metrics.1 docs/man/sluice-top.1

tools_scripts = \
	tests/scripts/boot-cycles.sh \
	tests/scripts/boot-errors.sh \
	tests/scripts/boot-kernels.sh \
	tests/scripts/boot-life.sh \
	tests/scripts/boot-signals.sh \
	tests/scripts/boot-verbs.sh \
	tests/scripts/boot-vms.sh \
	tests/scripts/create-attach-late.sh \
	tests/scripts/create-config.sh \
	tests/scripts/create-destroy-hung.sh \
	tests/scripts/create-disks.sh \
	tests/scripts/create-driver-vm-used.sh \
	tests/scripts/create-hotplug.sh \
	tests/scripts/create-keys.sh \
	tests/scripts/create-network-bridge.sh \
	tests/scripts/create-network-config.sh \
	tests/scripts/create-network.sh \
	tests/scripts/create-process-apart.sh \
	tests/scripts/create-process-cgroup.sh \
	tests/scripts/create-process-config.sh \
	tests/scripts/create-process-device.sh \
	tests/scripts/create-process-killed.sh \
	tests/scripts/create-process-network.sh \
	tests/scripts/create-process-rights.sh \
	tests/scripts/create-process-servers.sh \
	tests/scripts/create-partition.sh \
	tests/scripts/create-process.sh \
	tests/scripts/create-stack-session.sh \
	tests/scripts/create-stack-silent.sh \
	tests/scripts/create-stack.sh \
	tests/scripts/create-views.sh \
	tests/scripts/tools-bench-compare.sh \
	tests/scripts/tools-bench-jobs.sh \
	tests/scripts/tools-bench-events.sh \
	tests/scripts/tools-bench-file.sh \
	tests/scripts/tools-bench-interrupt.sh \
	tests/scripts/tools-bench-vdev.sh \
	tests/scripts/tools-bench-json.sh \
	tests/scripts/tools-bench-mounted.sh \
	tests/scripts/tools-bench-net.sh \
	tests/scripts/tools-bench-storage.sh \
	tests/scripts/tools-bench-verify.sh \
	tests/scripts/tools-completion.sh \
	tests/scripts/tools-domain-survives.sh \
	tests/scripts/tools-errors.sh \
	tests/scripts/tools-exec-signals.sh \
	tests/scripts/tools-apart.sh \
	tests/scripts/tools-exec-mount.sh \
	tests/scripts/tools-exec-restart.sh \
	tests/scripts/tools-exec-servers-shared.sh \
	tests/scripts/tools-exec-servers.sh \
	tests/scripts/tools-exec-store.sh \
	tests/scripts/tools-store-quota.sh \
	tests/scripts/tools-exec.sh \
	tests/scripts/tools-hung-path.sh \
	tests/scripts/tools-manual.sh \
	tests/scripts/tools-metrics.sh \
	tests/scripts/tools-metrics-http.sh \
	tests/scripts/tools-stale.sh \
	tests/scripts/tools-top.sh \
	tests/scripts/tools-top-terminal.sh \
	tests/scripts/tools-unprivileged.sh \
	tests/scripts/tools-upgrade.sh \
	$(NULL)
dist_check_SCRIPTS += $(tools_scripts)
TESTS += $(tools_scripts)
EXTRA_DIST += tests/scripts/metrics-check.py tests/scripts/metrics-functions.sh \
	tests/scripts/tools-functions.sh

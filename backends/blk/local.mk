# SPDX-License-Identifier: MIT
# The block backend. A new storage driver is a source here and a row in drivers.c.
sbin_PROGRAMS += backends/blk/sluice-blk
noinst_LTLIBRARIES += backends/blk/libblkcore.la

backends_blk_libblkcore_la_SOURCES = \
	backends/blk/barrier.c \
	backends/blk/barrier.h \
	backends/blk/copy.c \
	backends/blk/copy.h \
	backends/blk/driver.h \
	backends/blk/drivers.c \
	backends/blk/drivers.h \
	backends/blk/drv-aio.c \
	backends/blk/drv-null.c \
	backends/blk/drv-uring.c \
	backends/blk/grants.c \
	backends/blk/grants.h \
	backends/blk/inbox.c \
	backends/blk/inbox.h \
	backends/blk/io.c \
	backends/blk/io.h \
	backends/blk/io-open.c \
	backends/blk/io-private.h \
	backends/blk/partition-find.c \
	backends/blk/partition-find.h \
	backends/blk/parts.c \
	backends/blk/limit.c \
	backends/blk/limit.h \
	backends/blk/queue.c \
	backends/blk/queue.h \
	backends/blk/queue-private.h \
	backends/blk/queue-resume.c \
	backends/blk/queue-shared.c \
	backends/blk/range-lock.c \
	backends/blk/range-lock.h \
	backends/blk/request.c \
	backends/blk/rmw.c \
	backends/blk/request-answer.c \
	backends/blk/request-hold.c \
	backends/blk/request-map.c \
	backends/blk/request-replay.c \
	backends/blk/storage.c \
	backends/blk/storage.h \
	backends/blk/storage-lock.c \
	backends/blk/storage-private.h \
	backends/blk/storage-trim.c \
	backends/blk/helper.c \
	backends/blk/helper.h \
	backends/blk/target.c \
	backends/blk/target.h \
	backends/blk/target-lvm.c \
	backends/blk/target-format.c \
	backends/blk/target-partition.c \
	backends/blk/uring-slot.c \
	backends/blk/uring-slot.h \
	backends/blk/worker.c \
	backends/blk/worker.h \
	$(NULL)
backends_blk_libblkcore_la_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
backends_blk_libblkcore_la_LIBADD = \
	backends/common/libbackend.la \
	protocol/libprotocol.la \
	common/libcommon.la \
	$(LIBAIO_LIBS) \
	$(LIBURING_LIBS) \
	$(NULL)

backends_blk_sluice_blk_SOURCES = \
	backends/blk/device.c \
	backends/blk/device.h \
	backends/blk/device-open.c \
	backends/blk/device-private.h \
	backends/blk/device-resume.c \
	backends/blk/device-target.c \
	backends/blk/main.c \
	backends/blk/offer.c \
	backends/blk/offer.h \
	common/confine-files.c \
	common/confine-files.h \
	$(NULL)
# Libraries of storage drivers find its socket() and connect().
backends_blk_sluice_blk_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
backends_blk_sluice_blk_LDADD = \
	backends/blk/libblkcore.la \
	common/libservers.la \
	common/libconfine.la \
	$(XENEVTCHN_LIBS) \
	$(XENGNTTAB_LIBS) \
	$(XENSTORE_LIBS) \
	$(NULL)

# Modules: drivers that need somebody else's library. They find the core's functions in the program.
if HAVE_LIBISCSI
pkglib_LTLIBRARIES += backends/blk/blk-iscsi.la
backends_blk_blk_iscsi_la_SOURCES = \
	backends/blk/drv-iscsi.c \
	backends/blk/drv-iscsi.h \
	backends/blk/iscsi-link.c \
	backends/blk/iscsi-link.h \
	backends/blk/iscsi-local.c \
	backends/blk/iscsi-local.h \
	backends/blk/iscsi-lun.c \
	backends/blk/iscsi-lun.h \
	backends/blk/iscsi-queue.c \
	backends/blk/iscsi-secret.c \
	backends/blk/iscsi-secret.h \
	backends/blk/iscsi-sense.c \
	backends/blk/iscsi-uri.c \
	backends/blk/iscsi-uri.h \
	backends/blk/uri-text.c \
	backends/blk/uri-text.h \
	$(NULL)
backends_blk_blk_iscsi_la_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS) $(LIBISCSI_CFLAGS)
backends_blk_blk_iscsi_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
backends_blk_blk_iscsi_la_LIBADD = $(LIBISCSI_LIBS)
endif

if HAVE_BLKID
dist_man_MANS += docs/man/sluice-probe.8
sbin_PROGRAMS += backends/blk/sluice-probe
backends_blk_sluice_probe_SOURCES = backends/blk/probe.c backends/blk/helper.h
backends_blk_sluice_probe_CFLAGS = $(AM_CFLAGS) $(BLKID_CFLAGS)
backends_blk_sluice_probe_LDADD = common/libconfine.la common/libcommon.la $(BLKID_LIBS)
endif

if HAVE_GLUSTER
pkglib_LTLIBRARIES += backends/blk/blk-gluster.la
backends_blk_blk_gluster_la_SOURCES = \
	backends/blk/drv-gluster.c \
	backends/blk/gluster-attach.c \
	backends/blk/gluster-call.c \
	backends/blk/gluster-fetch.c \
	backends/blk/gluster-lock.c \
	backends/blk/gluster-preload.c \
	backends/blk/gluster-private.h \
	backends/blk/gluster-uri.c \
	backends/blk/gluster-uri.h \
	backends/blk/uri-text.c \
	backends/blk/uri-text.h \
	backends/blk/gluster-volfile.c \
	backends/blk/gluster-volfile.h \
	$(NULL)
backends_blk_blk_gluster_la_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS) $(GLUSTER_CFLAGS)
backends_blk_blk_gluster_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
backends_blk_blk_gluster_la_LIBADD = $(GLUSTER_LIBS)
check_PROGRAMS += tests/peers/gluster-file
tests_peers_gluster_file_SOURCES = tests/peers/gluster-file.c
tests_peers_gluster_file_CFLAGS = $(AM_CFLAGS) $(GLUSTER_CFLAGS)
tests_peers_gluster_file_LDADD = $(GLUSTER_LIBS)
endif

if HAVE_JANSSON
# Has a logical volume active while it is a disk; LVM's reports are JSON.
sbin_PROGRAMS += backends/blk/sluice-lvm
dist_man_MANS += docs/man/sluice-lvm.8
backends_blk_sluice_lvm_SOURCES = \
	backends/blk/helper.c \
	backends/blk/helper.h \
	backends/blk/lvm-main.c \
	backends/blk/lvm-report.c \
	backends/blk/lvm-report.h \
	backends/blk/lvm-users.c \
	backends/blk/lvm-users.h \
	backends/blk/lvm-watch.c \
	backends/blk/lvm-watch.h \
	$(NULL)
backends_blk_sluice_lvm_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
backends_blk_sluice_lvm_LDADD = common/libcommon.la $(JANSSON_LIBS) $(XENSTORE_LIBS)
endif

if HAVE_CMOCKA
# Tests of the whole data path run on Xen's libraries in one process.
check_LTLIBRARIES += tests/peers/libfakexen.la
tests_peers_libfakexen_la_SOURCES = \
	tests/peers/fake-store.c \
	tests/peers/fake-store.h \
	tests/peers/fake-xen.c \
	tests/peers/fake-xen.h \
	$(NULL)
blk_unit_tests = \
	tests/unit/blk-barrier \
	tests/unit/blk-barrier-state \
	tests/unit/blk-device \
	tests/unit/blk-device-disk \
	tests/unit/blk-device-nodes \
	tests/unit/blk-device-resume \
	tests/unit/blk-drivers \
	tests/unit/blk-pv-reads \
	tests/unit/blk-features \
	tests/unit/blk-errors \
	tests/unit/blk-flush \
	tests/unit/blk-grants \
	tests/unit/blk-helper \
	tests/unit/blk-io \
	tests/unit/blk-journal \
	tests/unit/blk-limit \
	tests/unit/blk-loop \
	tests/unit/blk-lvm-users \
	tests/unit/blk-range \
	tests/unit/blk-range-lock \
	tests/unit/blk-request \
	tests/unit/blk-request-bad \
	tests/unit/blk-request-flush \
	tests/unit/blk-resume \
	tests/unit/blk-resume-order \
	tests/unit/blk-rmw \
	tests/unit/blk-storage \
	tests/unit/blk-target \
	tests/unit/iscsi-secret \
	tests/unit/iscsi-uri \
	tests/unit/gluster-uri \
	tests/unit/uri-text \
	tests/unit/gluster-volfile \
	$(NULL)
check_PROGRAMS += $(blk_unit_tests)
TESTS += $(blk_unit_tests)
blk_rig = tests/unit/blk-rig.c tests/unit/blk-rig.h
blk_rig_libs = backends/blk/libblkcore.la tests/peers/libfakexen.la $(CMOCKA_LIBS)
request_rig = tests/unit/blk-request-rig.c tests/unit/blk-request-rig.h $(blk_rig)
tests_unit_blk_request_SOURCES = tests/unit/blk-request.c $(request_rig)
tests_unit_blk_request_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_request_LDADD = $(blk_rig_libs)
tests_unit_blk_request_bad_SOURCES = tests/unit/blk-request-bad.c $(request_rig)
tests_unit_blk_request_bad_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_request_bad_LDADD = $(blk_rig_libs)
tests_unit_blk_request_flush_SOURCES = tests/unit/blk-request-flush.c $(request_rig)
tests_unit_blk_request_flush_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_request_flush_LDADD = $(blk_rig_libs)
tests_unit_blk_pv_reads_SOURCES = tests/unit/blk-pv-reads.c $(blk_rig) backends/blk/offer.c backends/blk/offer.h
tests_unit_blk_pv_reads_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_pv_reads_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fopen -Wl,--wrap=preadv2
tests_unit_blk_pv_reads_LDADD = $(blk_rig_libs)
tests_unit_blk_drivers_SOURCES = tests/unit/blk-drivers.c $(blk_rig) \
	tests/unit/io-rig.c tests/unit/io-rig.h
tests_unit_blk_drivers_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_drivers_LDADD = $(blk_rig_libs)
device_rig = tests/unit/blk-device-rig.c tests/unit/blk-device-rig.h \
	backends/blk/device.c backends/blk/device.h backends/blk/device-private.h \
	backends/blk/device-open.c backends/blk/device-resume.c backends/blk/device-target.c \
	backends/blk/offer.c backends/blk/offer.h
tests_unit_blk_device_SOURCES = tests/unit/blk-device.c $(device_rig)
tests_unit_blk_device_LDADD = $(blk_rig_libs)
tests_unit_blk_device_disk_SOURCES = tests/unit/blk-device-disk.c $(device_rig)
tests_unit_blk_device_disk_LDADD = $(blk_rig_libs)
tests_unit_blk_device_nodes_SOURCES = tests/unit/blk-device-nodes.c $(device_rig)
tests_unit_blk_device_nodes_LDADD = $(blk_rig_libs)
tests_unit_blk_device_resume_SOURCES = tests/unit/blk-device-resume.c $(device_rig)
tests_unit_blk_device_resume_LDADD = $(blk_rig_libs)
tests_unit_blk_errors_SOURCES = tests/unit/blk-errors.c $(blk_rig) \
	tests/peers/drv-fail.c tests/peers/drv-fail.h
tests_unit_blk_errors_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_errors_LDADD = $(blk_rig_libs)
tests_unit_blk_loop_SOURCES = tests/unit/blk-loop.c $(blk_rig) \
	tests/unit/io-rig.c tests/unit/io-rig.h
tests_unit_blk_loop_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_loop_LDADD = $(blk_rig_libs)
io_disk = tests/unit/io-disk.c tests/unit/io-disk.h tests/unit/io-rig.c tests/unit/io-rig.h \
	tests/peers/drv-fail.c tests/peers/drv-fail.h
tests_unit_blk_resume_SOURCES = tests/unit/blk-resume.c $(blk_rig)
tests_unit_blk_resume_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_resume_LDADD = $(blk_rig_libs)
tests_unit_blk_resume_order_SOURCES = tests/unit/blk-resume-order.c tests/unit/blk-recorder.c \
	tests/unit/blk-recorder.h $(blk_rig)
tests_unit_blk_resume_order_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_resume_order_LDADD = $(blk_rig_libs)
tests_unit_blk_rmw_SOURCES = tests/unit/blk-rmw.c $(io_disk)
tests_unit_blk_rmw_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_rmw_LDADD = $(blk_rig_libs)
tests_unit_blk_io_SOURCES = tests/unit/blk-io.c $(io_disk)
tests_unit_blk_io_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_io_LDADD = $(blk_rig_libs)
tests_unit_blk_range_SOURCES = tests/unit/blk-range.c $(io_disk)
tests_unit_blk_range_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_range_LDADD = $(blk_rig_libs)
if HAVE_JANSSON
blk_unit_tests += tests/unit/blk-lvm-report
tests_unit_blk_lvm_report_SOURCES = tests/unit/blk-lvm-report.c backends/blk/lvm-report.c \
	backends/blk/lvm-report.h
tests_unit_blk_lvm_report_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_blk_lvm_report_LDADD = $(JANSSON_LIBS) $(CMOCKA_LIBS)
endif
tests_unit_blk_lvm_users_SOURCES = tests/unit/blk-lvm-users.c backends/blk/lvm-users.c backends/blk/lvm-users.h
tests_unit_blk_lvm_users_LDADD = common/libcommon.la $(CMOCKA_LIBS)
tests_unit_blk_helper_SOURCES = tests/unit/blk-helper.c
tests_unit_blk_helper_LDADD = $(blk_rig_libs)
tests_unit_blk_target_SOURCES = tests/unit/blk-target.c
tests_unit_blk_target_LDADD = $(blk_rig_libs)
tests_unit_blk_range_lock_SOURCES = tests/unit/blk-range-lock.c
tests_unit_blk_range_lock_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_range_lock_LDADD = backends/blk/libblkcore.la $(CMOCKA_LIBS)
tests_unit_blk_grants_SOURCES = tests/unit/blk-grants.c
tests_unit_blk_grants_LDADD = $(blk_rig_libs)
tests_unit_blk_barrier_SOURCES = tests/unit/blk-barrier.c tests/unit/blk-recorder.c \
	tests/unit/blk-recorder.h $(blk_rig)
tests_unit_blk_barrier_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_barrier_LDADD = $(blk_rig_libs)
tests_unit_blk_barrier_state_SOURCES = tests/unit/blk-barrier-state.c
tests_unit_blk_barrier_state_LDADD = backends/blk/libblkcore.la $(CMOCKA_LIBS)
tests_unit_blk_flush_SOURCES = tests/unit/blk-flush.c tests/unit/blk-recorder.c \
	tests/unit/blk-recorder.h $(blk_rig)
tests_unit_blk_flush_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_flush_LDADD = $(blk_rig_libs)
tests_unit_blk_features_SOURCES = tests/unit/blk-features.c tests/unit/blk-recorder.c \
	tests/unit/blk-recorder.h $(blk_rig)
tests_unit_blk_features_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_features_LDADD = $(blk_rig_libs)
tests_unit_blk_limit_SOURCES = tests/unit/blk-limit.c
tests_unit_blk_limit_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_limit_LDADD = $(blk_rig_libs)
tests_unit_uri_text_SOURCES = tests/unit/uri-text.c backends/blk/uri-text.c
tests_unit_uri_text_LDADD = $(CMOCKA_LIBS)
tests_unit_gluster_uri_SOURCES = tests/unit/gluster-uri.c backends/blk/gluster-uri.c backends/blk/uri-text.c
tests_unit_gluster_uri_LDADD = $(CMOCKA_LIBS)
tests_unit_gluster_volfile_SOURCES = tests/unit/gluster-volfile.c backends/blk/gluster-volfile.c
tests_unit_gluster_volfile_LDADD = $(CMOCKA_LIBS)
tests_unit_iscsi_secret_SOURCES = tests/unit/iscsi-secret.c backends/blk/iscsi-secret.c
tests_unit_iscsi_secret_LDADD = $(CMOCKA_LIBS)
tests_unit_iscsi_uri_SOURCES = tests/unit/iscsi-uri.c backends/blk/iscsi-uri.c backends/blk/uri-text.c
tests_unit_iscsi_uri_LDADD = $(CMOCKA_LIBS)
if HAVE_LIBISCSI
check_PROGRAMS += tests/unit/iscsi-lun tests/unit/iscsi-queue
TESTS += tests/unit/iscsi-lun tests/unit/iscsi-queue
tests_unit_iscsi_lun_SOURCES = tests/unit/iscsi-lun.c backends/blk/iscsi-lun.c \
	backends/blk/iscsi-local.c backends/blk/iscsi-sense.c backends/blk/iscsi-uri.c backends/blk/uri-text.c
tests_unit_iscsi_lun_CFLAGS = $(AM_CFLAGS) $(LIBISCSI_CFLAGS)
tests_unit_iscsi_lun_LDADD = $(CMOCKA_LIBS)
tests_unit_iscsi_queue_SOURCES = tests/unit/iscsi-queue.c backends/blk/iscsi-lun.c \
	backends/blk/iscsi-queue.c backends/blk/iscsi-sense.c
tests_unit_iscsi_queue_CFLAGS = $(AM_CFLAGS) $(LIBISCSI_CFLAGS)
tests_unit_iscsi_queue_LDADD = common/libcommon.la $(CMOCKA_LIBS)
endif
# For iscsi-fence.sh, in tgtd, and so without sanitizers. The directory makes libtool build a shared one; nothing goes there.
check_LTLIBRARIES += tests/peers/slow-writes.la
tests_peers_slow_writes_la_SOURCES = tests/peers/slow-writes.c
tests_peers_slow_writes_la_CFLAGS = -std=gnu11 -fvisibility=hidden $(WARN_CFLAGS)
tests_peers_slow_writes_la_LDFLAGS = -module -avoid-version -shared -rpath /nonexistent
tests_unit_blk_storage_SOURCES = tests/unit/blk-storage.c
tests_unit_blk_storage_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
tests_unit_blk_storage_LDADD = $(blk_rig_libs)
tests_unit_blk_journal_SOURCES = tests/unit/blk-journal.c
tests_unit_blk_journal_LDADD = backends/common/libbackend.la $(CMOCKA_LIBS)
endif

if HAVE_LIBNBD
pkglib_LTLIBRARIES += backends/blk/blk-nbd.la
backends_blk_blk_nbd_la_SOURCES = \
	backends/blk/drv-nbd.c \
	backends/blk/nbd-link.c \
	backends/blk/nbd-link.h \
	backends/blk/nbd-private.h \
	backends/blk/nbd-queue.c \
	backends/blk/nbd-uri.c \
	backends/blk/nbd-uri.h \
	backends/blk/uri-text.c \
	backends/blk/uri-text.h \
	$(NULL)
backends_blk_blk_nbd_la_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS) $(LIBNBD_CFLAGS)
backends_blk_blk_nbd_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
backends_blk_blk_nbd_la_LIBADD = $(LIBNBD_LIBS)
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/blk-nbd-queue
TESTS += tests/unit/blk-nbd-queue
tests_unit_blk_nbd_queue_SOURCES = tests/unit/blk-nbd-queue.c backends/blk/nbd-queue.c
tests_unit_blk_nbd_queue_CFLAGS = $(AM_CFLAGS) $(LIBNBD_CFLAGS)
tests_unit_blk_nbd_queue_LDADD = common/libcommon.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/blk-nbd-link
TESTS += tests/unit/blk-nbd-link
tests_unit_blk_nbd_link_SOURCES = tests/unit/blk-nbd-link.c backends/blk/nbd-link.c backends/blk/nbd-link.h
tests_unit_blk_nbd_link_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(LIBNBD_CFLAGS)
tests_unit_blk_nbd_link_LDADD = $(CMOCKA_LIBS) $(LIBNBD_LIBS)
endif
endif
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/blk-nbd-uri
TESTS += tests/unit/blk-nbd-uri
tests_unit_blk_nbd_uri_SOURCES = tests/unit/blk-nbd-uri.c backends/blk/nbd-uri.c backends/blk/nbd-uri.h backends/blk/uri-text.c
tests_unit_blk_nbd_uri_LDADD = $(CMOCKA_LIBS)
endif

blk_scripts = \
	tests/scripts/blk-4k-sectors.sh \
	tests/scripts/blk-bad-storage.sh \
	tests/scripts/blk-idle.sh \
	tests/scripts/blk-closed-last.sh \
	tests/scripts/blk-locks.sh \
	tests/scripts/blk-log-limit.sh \
	tests/scripts/blk-lvm.sh \
	tests/scripts/blk-options.sh \
	tests/scripts/blk-partition.sh \
	tests/scripts/blk-unreachable.sh \
	$(NULL)
# tgtd's.
iscsi_scripts = \
	tests/scripts/conformance-iscsi.sh \
	tests/scripts/iscsi-chap.sh \
	tests/scripts/iscsi-fence.sh \
	tests/scripts/iscsi-names.sh \
	tests/scripts/iscsi-outage.sh \
	tests/scripts/iscsi-writers.sh \
	$(NULL)
dist_check_SCRIPTS += $(iscsi_scripts)
TESTS += $(iscsi_scripts)
EXTRA_DIST += tests/scripts/disk-functions.sh tests/scripts/iscsi-functions.sh tests/scripts/storage-iscsi.sh
dist_check_SCRIPTS += $(blk_scripts)
# glusterd's.
gluster_scripts = \
	tests/scripts/conformance-gluster.sh \
	tests/scripts/gluster-attach.sh \
	tests/scripts/gluster-away.sh \
	tests/scripts/gluster-killed.sh \
	tests/scripts/gluster-lock.sh \
	$(NULL)
dist_check_SCRIPTS += $(gluster_scripts)
TESTS += $(gluster_scripts)
EXTRA_DIST += tests/scripts/gluster-functions.sh tests/scripts/gluster-heal.sh tests/scripts/storage-gluster.sh
# Each brick of a replica dies under load and heals: minutes.
check-gluster-heal: all
	$(MAKE) $(AM_MAKEFLAGS) $(check_PROGRAMS)
	SLUICE_SRCDIR='$(abs_top_srcdir)' SLUICE_BUILDDIR='$(abs_top_builddir)' \
		$(BASH_PROGRAM) $(srcdir)/tests/scripts/gluster-heal.sh
check-long: check-gluster-heal
.PHONY: check-gluster-heal
TESTS += $(blk_scripts)
dist_man_MANS += docs/man/sluice-blk.8

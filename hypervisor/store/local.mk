# SPDX-License-Identifier: MIT
# sluice-store: the xenstore protocol, for the toolstack and for domains.

# All that is pure, for the program, its unit tests and its fuzzer.
noinst_LTLIBRARIES += hypervisor/store/libstore.la
hypervisor_store_libstore_la_SOURCES = \
	hypervisor/store/conn.c \
	hypervisor/store/conn.h \
	hypervisor/store/ops.c \
	hypervisor/store/ops.h \
	hypervisor/store/path.c \
	hypervisor/store/path.h \
	hypervisor/store/perms.c \
	hypervisor/store/perms.h \
	hypervisor/store/quota.c \
	hypervisor/store/quota.h \
	hypervisor/store/request.c \
	hypervisor/store/request.h \
	hypervisor/store/request-domain.c \
	hypervisor/store/request-domain.h \
	hypervisor/store/record.c \
	hypervisor/store/record.h \
	hypervisor/store/ring.c \
	hypervisor/store/ring.h \
	hypervisor/store/state.c \
	hypervisor/store/state.h \
	hypervisor/store/state-load.c \
	hypervisor/store/store.c \
	hypervisor/store/store.h \
	hypervisor/store/transaction.c \
	hypervisor/store/transaction.h \
	hypervisor/store/tree.c \
	hypervisor/store/tree.h \
	hypervisor/store/watch.c \
	hypervisor/store/watch.h \
	$(NULL)

sbin_PROGRAMS += hypervisor/store/sluice-store
hypervisor_store_sluice_store_SOURCES = \
	hypervisor/store/main.c \
	hypervisor/store/ring-attach.c \
	hypervisor/store/ring-attach.h \
	hypervisor/store/socket.c \
	hypervisor/store/socket.h \
	hypervisor/store/state-file.c \
	hypervisor/store/state-file.h \
	$(NULL)
hypervisor_store_sluice_store_LDADD = \
	hypervisor/store/libstore.la \
	common/libcommon.la \
	$(XENEVTCHN_LIBS) \
	$(XENGNTTAB_LIBS) \
	$(NULL)
dist_man_MANS += docs/man/sluice-store.8

store_scripts = \
	tests/scripts/store-options.sh \
	tests/scripts/store-restart.sh \
	tests/scripts/store-tools.sh \
	tests/scripts/store-unprivileged.sh \
	$(NULL)
dist_check_SCRIPTS += $(store_scripts)
TESTS += $(store_scripts)
EXTRA_DIST += tests/scripts/store-functions.sh

if HAVE_CMOCKA
store_pure_tests = \
	tests/unit/store-perms \
	tests/unit/store-quota \
	tests/unit/store-request \
	tests/unit/store-ring \
	tests/unit/store-state \
	tests/unit/store-state-load \
	tests/unit/store-transaction \
	tests/unit/store-watch \
	$(NULL)
check_PROGRAMS += $(store_pure_tests)
TESTS += $(store_pure_tests)
store_test_sources = tests/unit/store-test.c tests/unit/store-test.h
store_test_libs = hypervisor/store/libstore.la common/libcommon.la $(CMOCKA_LIBS)
tests_unit_store_perms_SOURCES = tests/unit/store-perms.c $(store_test_sources)
tests_unit_store_perms_LDADD = $(store_test_libs)
tests_unit_store_quota_SOURCES = tests/unit/store-quota.c $(store_test_sources)
tests_unit_store_quota_LDADD = $(store_test_libs)
tests_unit_store_request_SOURCES = tests/unit/store-request.c $(store_test_sources)
tests_unit_store_request_LDADD = $(store_test_libs)
tests_unit_store_ring_SOURCES = tests/unit/store-ring.c $(store_test_sources)
tests_unit_store_ring_LDADD = $(store_test_libs)
tests_unit_store_state_SOURCES = tests/unit/store-state.c $(store_test_sources)
tests_unit_store_state_LDADD = $(store_test_libs)
tests_unit_store_state_load_SOURCES = tests/unit/store-state-load.c $(store_test_sources)
tests_unit_store_state_load_LDADD = $(store_test_libs)
tests_unit_store_transaction_SOURCES = tests/unit/store-transaction.c $(store_test_sources)
tests_unit_store_transaction_LDADD = $(store_test_libs)
tests_unit_store_watch_SOURCES = tests/unit/store-watch.c $(store_test_sources)
tests_unit_store_watch_LDADD = $(store_test_libs)

# Its own functions stand in for the Xen libraries'.
check_PROGRAMS += tests/unit/store-ring-attach
TESTS += tests/unit/store-ring-attach
tests_unit_store_ring_attach_SOURCES = \
	tests/unit/store-ring-attach.c \
	hypervisor/store/ring-attach.c \
	$(NULL)
tests_unit_store_ring_attach_LDADD = $(store_test_libs)

# These start the program, which they find in the build tree.
check_PROGRAMS += tests/unit/store-libxenstore tests/unit/store-xsnode
TESTS += tests/unit/store-libxenstore tests/unit/store-xsnode
store_server_sources = tests/unit/store-server.c tests/unit/store-server.h
tests_unit_store_libxenstore_SOURCES = tests/unit/store-libxenstore.c $(store_server_sources)
tests_unit_store_libxenstore_LDADD = $(CMOCKA_LIBS) $(XENSTORE_LIBS)
tests_unit_store_xsnode_SOURCES = tests/unit/store-xsnode.c $(store_server_sources)
tests_unit_store_xsnode_LDADD = xenstore/libxsnode.la $(CMOCKA_LIBS) $(XENSTORE_LIBS)

# These start the hypervisor, too.
check_PROGRAMS += tests/peers/store-ring-live tests/peers/store-restart-live
if HYPERVISOR
TESTS += tests/peers/store-ring-live tests/peers/store-restart-live
endif
store_guest_sources = \
	tests/peers/store-guest.c \
	tests/peers/store-guest.h \
	$(hv_harness) \
	$(store_server_sources) \
	$(NULL)
tests_peers_store_ring_live_SOURCES = tests/peers/store-ring-live.c $(store_guest_sources)
tests_peers_store_ring_live_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_store_ring_live_LDADD = $(hv_process_ldadd) $(XENSTORE_LIBS)
tests_peers_store_restart_live_SOURCES = tests/peers/store-restart-live.c $(store_guest_sources)
tests_peers_store_restart_live_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_store_restart_live_LDADD = $(hv_process_ldadd) $(XENSTORE_LIBS)
endif

# Under make check it runs on fixed inputs of its own; see tests/fuzz/README.md.
check_PROGRAMS += tests/fuzz/fuzz-store
TESTS += tests/fuzz/fuzz-store
tests_fuzz_fuzz_store_SOURCES = tests/fuzz/fuzz-store.c tests/fuzz/fuzz-store-check.c
tests_fuzz_fuzz_store_LDADD = hypervisor/store/libstore.la common/libcommon.la

if FUZZERS
noinst_PROGRAMS += tests/fuzz/libfuzzer-store
tests_fuzz_libfuzzer_store_SOURCES = tests/fuzz/fuzz-store.c
tests_fuzz_libfuzzer_store_LDADD = $(tests_fuzz_fuzz_store_LDADD)
tests_fuzz_libfuzzer_store_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

# SPDX-License-Identifier: MIT
# Helpers that every part uses and that know nothing of Xen.
noinst_LTLIBRARIES += common/libcommon.la
common_libcommon_la_SOURCES = \
	common/acceptor.c \
	common/acceptor.h \
	common/array.h \
	common/cgroup-where.c \
	common/cgroup-where.h \
	common/cleanup.h \
	common/confine.h \
	common/fault.c \
	common/fault.h \
	common/fdpass.c \
	common/fdpass-many.c \
	common/fdpass.h \
	common/log.c \
	common/log.h \
	common/loop.c \
	common/loop.h \
	common/lvm-name.c \
	common/lvm-name.h \
	common/open-files.c \
	common/open-files.h \
	common/page-size.c \
	common/page-size.h \
	common/paths.c \
	common/paths.h \
	common/servers.c \
	common/servers-named.c \
	common/servers-named.h \
	common/servers.h \
	common/spin.c \
	common/spin.h \
	common/storage-name.c \
	common/storage-name.h \
	common/thread.c \
	common/thread.h \
	common/tty.c \
	common/tty.h \
	$(NULL)

# Confinement, for programs that talk to strangers.
noinst_LTLIBRARIES += common/libconfine.la
common_libconfine_la_SOURCES = \
	common/confine.c \
	common/confine-landlock.c \
	common/confine-limits.c \
	common/confine-ns.c \
	common/confine-private.h \
	$(NULL)
common_libconfine_la_LIBADD = common/libcommon.la
if HAVE_LIBSECCOMP
common_libconfine_la_SOURCES += common/confine-seccomp.c
common_libconfine_la_LIBADD += $(LIBSECCOMP_LIBS)
else
common_libconfine_la_SOURCES += common/confine-none.c
endif
EXTRA_DIST += common/confine-seccomp.c common/confine-none.c

# The way to servers, for backends of remote storage. Whoever links it has socket() and connect() of its own.
noinst_LTLIBRARIES += common/libservers.la
common_libservers_la_SOURCES = \
	common/servers-broker.c \
	common/servers-client.c \
	common/servers-private.h \
	common/servers-resolve.c \
	$(NULL)
common_libservers_la_LIBADD = common/libconfine.la

if HAVE_CMOCKA
common_tests = \
	tests/unit/common-acceptor \
	tests/unit/common-cgroup-where \
	tests/unit/common-confine \
	tests/unit/common-fault \
	tests/unit/common-fdpass \
	tests/unit/common-log \
	tests/unit/common-loop \
	tests/unit/common-lvm-name \
	tests/unit/common-paths \
	tests/unit/common-storage-name \
	$(NULL)
check_PROGRAMS += $(common_tests)
TESTS += $(common_tests)
common_test_libs = common/libcommon.la $(CMOCKA_LIBS)
tests_unit_common_acceptor_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_common_acceptor_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=accept4
tests_unit_common_acceptor_LDADD = common/acceptor.lo $(common_test_libs)
tests_unit_common_cgroup_where_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_common_cgroup_where_LDADD = $(common_test_libs)
tests_unit_common_confine_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_common_confine_LDADD = common/libconfine.la $(CMOCKA_LIBS)
tests_unit_common_fault_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_common_fault_LDADD = $(common_test_libs)
tests_unit_common_fdpass_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_common_fdpass_LDADD = $(common_test_libs)
tests_unit_common_storage_name_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_common_storage_name_LDADD = $(common_test_libs)
tests_unit_common_log_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_common_log_LDADD = $(common_test_libs)
tests_unit_common_loop_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_common_loop_LDADD = $(common_test_libs)
tests_unit_common_lvm_name_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_common_lvm_name_LDADD = $(common_test_libs)
tests_unit_common_paths_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_common_paths_LDADD = $(common_test_libs)

servers_tests = tests/unit/servers-list tests/unit/servers-way tests/unit/servers-way-refused
check_PROGRAMS += $(servers_tests)
TESTS += $(servers_tests)
tests_unit_servers_list_SOURCES = tests/unit/servers-list.c common/servers.c
tests_unit_servers_list_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_servers_list_LDADD = $(CMOCKA_LIBS)
servers_rig = tests/unit/servers-rig.c tests/unit/servers-rig.h
tests_unit_servers_way_SOURCES = tests/unit/servers-way.c $(servers_rig)
tests_unit_servers_way_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_servers_way_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
tests_unit_servers_way_LDADD = common/libservers.la common/libconfine.la $(CMOCKA_LIBS)
tests_unit_servers_way_refused_SOURCES = tests/unit/servers-way-refused.c $(servers_rig)
tests_unit_servers_way_refused_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_servers_way_refused_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
tests_unit_servers_way_refused_LDADD = common/libservers.la common/libconfine.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/confine-files tests/unit/servers-resolve
TESTS += tests/unit/confine-files tests/unit/servers-resolve
tests_unit_confine_files_SOURCES = tests/unit/confine-files.c common/confine-files.c
tests_unit_confine_files_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_confine_files_LDADD = $(CMOCKA_LIBS)
tests_unit_servers_resolve_SOURCES = tests/unit/servers-resolve.c common/servers.c common/servers-resolve.c
tests_unit_servers_resolve_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_servers_resolve_LDADD = $(CMOCKA_LIBS)

# Reads the lists of system calls in the sources, for an architecture that need not be here.
if HAVE_LIBSECCOMP
check_PROGRAMS += tests/unit/confine-arm64
TESTS += tests/unit/confine-arm64
tests_unit_confine_arm64_SOURCES = tests/unit/confine-arm64.c
tests_unit_confine_arm64_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(LIBSECCOMP_CFLAGS)
tests_unit_confine_arm64_LDADD = $(LIBSECCOMP_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += tests/unit/page-size tests/unit/spin
TESTS += tests/unit/page-size tests/unit/spin
tests_unit_page_size_SOURCES = tests/unit/page-size.c common/page-size.c
tests_unit_page_size_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_page_size_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sysconf
tests_unit_page_size_LDADD = $(common_test_libs)
tests_unit_spin_SOURCES = tests/unit/spin.c common/spin.c
tests_unit_spin_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_spin_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getrusage
tests_unit_spin_LDADD = $(CMOCKA_LIBS)
endif

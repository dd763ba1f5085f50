# SPDX-License-Identifier: MIT
# Process domains as their own side sees them. libhvctl is for our programs: control
# of domains, restricted connections, shares at wanted references.
noinst_LTLIBRARIES += hypervisor/process/libhvctl.la
hypervisor_process_libhvctl_la_SOURCES = \
	hypervisor/process/client.c \
	hypervisor/process/client.h \
	hypervisor/process/control-wire.h \
	hypervisor/process/control.c \
	hypervisor/process/control.h \
	hypervisor/process/restrict.h \
	hypervisor/process/share-client.c \
	hypervisor/process/share-client.h \
	hypervisor/process/wire.h \
	$(NULL)
hypervisor_process_libhvctl_la_LIBADD = common/libcommon.la

# The drop-in libraries: Xen's names, sonames and symbol versions, in a private directory.
pkglib_LTLIBRARIES += \
	hypervisor/process/libxenevtchn.la \
	hypervisor/process/libxengnttab.la \
	$(NULL)
hypervisor_process_libxenevtchn_la_SOURCES = \
	hypervisor/process/evtchn-lib.c \
	hypervisor/process/toolcore.h \
	$(NULL)
hypervisor_process_libxenevtchn_la_LIBADD = \
	hypervisor/process/libhvctl.la \
	$(XENTOOLCORE_LIBS) \
	$(NULL)
hypervisor_process_libxenevtchn_la_LDFLAGS = $(AM_LDFLAGS) -version-info 1:0:0 \
	-Wl,--version-script=$(srcdir)/hypervisor/process/libxenevtchn.map
EXTRA_hypervisor_process_libxenevtchn_la_DEPENDENCIES = hypervisor/process/libxenevtchn.map
hypervisor_process_libxengnttab_la_SOURCES = \
	hypervisor/process/gnt-handle.c \
	hypervisor/process/gnt-handle.h \
	hypervisor/process/gntcopy-lib.c \
	hypervisor/process/gntshr-lib.c \
	hypervisor/process/gnttab-lib.c \
	hypervisor/process/toolcore.h \
	$(NULL)
hypervisor_process_libxengnttab_la_LIBADD = \
	hypervisor/process/libhvctl.la \
	$(XENTOOLCORE_LIBS) \
	-lxentoollog \
	$(NULL)
hypervisor_process_libxengnttab_la_LDFLAGS = $(AM_LDFLAGS) -version-info 1:0:0 \
	-Wl,--version-script=$(srcdir)/hypervisor/process/libxengnttab.map
EXTRA_hypervisor_process_libxengnttab_la_DEPENDENCIES = hypervisor/process/libxengnttab.map
EXTRA_DIST += \
	hypervisor/process/libxenevtchn.map \
	hypervisor/process/libxengnttab.map \
	$(NULL)

dist_man_MANS += docs/man/sluice-domain-init.8
sbin_PROGRAMS += hypervisor/process/sluice-domain-init
hypervisor_process_sluice_domain_init_SOURCES = \
	backends/net/link.c \
	hypervisor/process/domain-caps.c \
	hypervisor/process/domain-cgroup.c \
	hypervisor/process/domain-cgroup.h \
	hypervisor/process/domain-init.c \
	hypervisor/process/domain-into.c \
	hypervisor/process/domain-into.h \
	hypervisor/process/domain-listen.c \
	hypervisor/process/domain-listen.h \
	hypervisor/process/domain-net.c \
	hypervisor/process/domain-net.h \
	hypervisor/process/domain-ns.c \
	hypervisor/process/domain-ns.h \
	hypervisor/process/domain-place.c \
	hypervisor/process/domain-place.h \
	hypervisor/process/domain-root.c \
	hypervisor/process/domain-root.h \
	hypervisor/process/domain-servers.c \
	hypervisor/process/domain-servers.h \
	hypervisor/process/domain-userns.c \
	$(NULL)
# Objects of its own: libraries have some of these files, too.
hypervisor_process_sluice_domain_init_CPPFLAGS = $(AM_CPPFLAGS)
hypervisor_process_sluice_domain_init_LDADD = common/libcommon.la

dist_man_MANS += docs/man/sluice-relay.8
sbin_PROGRAMS += hypervisor/process/sluice-relay
hypervisor_process_sluice_relay_SOURCES = \
	hypervisor/process/relay-conn.c \
	hypervisor/process/relay-main.c \
	hypervisor/process/relay-pipe.c \
	hypervisor/process/relay-private.h \
	hypervisor/process/relay.c \
	hypervisor/process/relay.h \
	$(NULL)
hypervisor_process_sluice_relay_LDADD = common/libconfine.la common/libcommon.la

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/relay tests/unit/servers-named
TESTS += tests/unit/relay tests/unit/servers-named
tests_unit_relay_SOURCES = tests/unit/relay.c hypervisor/process/relay.c hypervisor/process/relay-conn.c \
	hypervisor/process/relay-pipe.c
tests_unit_relay_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_relay_LDADD = common/libcommon.la $(CMOCKA_LIBS)
tests_unit_servers_named_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_servers_named_LDADD = common/libcommon.la $(CMOCKA_LIBS)
endif

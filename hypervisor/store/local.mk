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
	hypervisor/store/ring.c \
	hypervisor/store/ring.h \
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
	$(NULL)
hypervisor_store_sluice_store_LDADD = \
	hypervisor/store/libstore.la \
	common/libcommon.la \
	$(XENEVTCHN_LIBS) \
	$(XENGNTTAB_LIBS) \
	$(NULL)

# SPDX-License-Identifier: MIT
# The hypervisor. Its state machines know no sockets and no KVM; unit tests link them alone.
noinst_LTLIBRARIES += hypervisor/libhvstate.la
hypervisor_libhvstate_la_SOURCES = \
	hypervisor/domain.c \
	hypervisor/domain.h \
	hypervisor/event.c \
	hypervisor/event.h \
	hypervisor/grant.c \
	hypervisor/grant.h \
	$(NULL)

sbin_PROGRAMS += hypervisor/sluice-hypervisor
hypervisor_sluice_hypervisor_SOURCES = \
	hypervisor/confine.h \
	hypervisor/main.c \
	hypervisor/process/channel.c \
	hypervisor/process/conn-copy.c \
	hypervisor/process/conn-event.c \
	hypervisor/process/conn-map.c \
	hypervisor/process/conn-share.c \
	hypervisor/process/conn.c \
	hypervisor/process/control-server.c \
	hypervisor/process/control-wire.h \
	hypervisor/process/control.h \
	hypervisor/process/memfd.c \
	hypervisor/process/notify.c \
	hypervisor/process/pdomain.c \
	hypervisor/process/server.c \
	hypervisor/process/server.h \
	hypervisor/process/wire.h \
	$(NULL)
hypervisor_sluice_hypervisor_LDADD = hypervisor/libhvstate.la common/libcommon.la
if HAVE_LIBSECCOMP
hypervisor_sluice_hypervisor_SOURCES += hypervisor/confine.c
hypervisor_sluice_hypervisor_CPPFLAGS = $(AM_CPPFLAGS) $(LIBSECCOMP_CFLAGS)
hypervisor_sluice_hypervisor_LDADD += $(LIBSECCOMP_LIBS)
else
hypervisor_sluice_hypervisor_SOURCES += hypervisor/confine-none.c
endif
EXTRA_DIST += hypervisor/confine.c hypervisor/confine-none.c

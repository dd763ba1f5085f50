# SPDX-License-Identifier: MIT
# User-space frontends.
noinst_LTLIBRARIES += frontends/libblkfront.la
frontends_libblkfront_la_SOURCES = \
	frontends/blkfront-connect.c \
	frontends/blkfront-grants.c \
	frontends/blkfront-internal.h \
	frontends/blkfront-wait.c \
	frontends/blkfront.c \
	frontends/blkfront.h \
	$(NULL)
frontends_libblkfront_la_LIBADD = \
	protocol/libprotocol.la \
	xenstore/libxsnode.la \
	common/libcommon.la \
	$(XENEVTCHN_LIBS) $(XENGNTTAB_LIBS) $(XENSTORE_LIBS) \
	$(NULL)

# SPDX-License-Identifier: MIT
# Typed access to store nodes over libxenstore, and the log of Xen's libraries.
noinst_LTLIBRARIES += xenstore/libxsnode.la
xenstore_libxsnode_la_SOURCES = \
	xenstore/xenlog.c \
	xenstore/xenlog.h \
	xenstore/xsnode.c \
	xenstore/xsnode.h \
	$(NULL)
xenstore_libxsnode_la_LIBADD = $(XENSTORE_LIBS)

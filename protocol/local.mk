# SPDX-License-Identifier: MIT
# Wire formats and negotiation: pure code, no I/O.
noinst_LTLIBRARIES += protocol/libprotocol.la
protocol_libprotocol_la_SOURCES = \
	protocol/blkif.c \
	protocol/blkif.h \
	protocol/blkif-nodes.c \
	protocol/blkif-nodes.h \
	protocol/negotiate.c \
	protocol/negotiate.h \
	protocol/ring.c \
	protocol/ring.h \
	protocol/xenbus.c \
	protocol/xenbus.h \
	$(NULL)

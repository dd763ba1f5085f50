# SPDX-License-Identifier: MIT
# The block backend. A new storage driver is a source here and a row in drivers.c.
sbin_PROGRAMS += backends/blk/sluice-blk
noinst_LTLIBRARIES += backends/blk/libblkcore.la

backends_blk_libblkcore_la_SOURCES = \
	backends/blk/copy.c \
	backends/blk/copy.h \
	backends/blk/driver.h \
	backends/blk/drivers.c \
	backends/blk/drivers.h \
	backends/blk/drv-null.c \
	backends/blk/drv-uring.c \
	backends/blk/grants.c \
	backends/blk/grants.h \
	backends/blk/queue.c \
	backends/blk/queue.h \
	backends/blk/queue-private.h \
	backends/blk/request.c \
	backends/blk/storage.c \
	backends/blk/storage.h \
	$(NULL)
backends_blk_libblkcore_la_CFLAGS = $(AM_CFLAGS) $(LIBURING_CFLAGS)
backends_blk_libblkcore_la_LIBADD = \
	backends/common/libbackend.la \
	protocol/libprotocol.la \
	common/libcommon.la \
	$(LIBURING_LIBS) \
	$(NULL)

backends_blk_sluice_blk_SOURCES = \
	backends/blk/device.c \
	backends/blk/device.h \
	backends/blk/main.c \
	$(NULL)
backends_blk_sluice_blk_LDADD = \
	backends/blk/libblkcore.la \
	$(XENEVTCHN_LIBS) \
	$(XENGNTTAB_LIBS) \
	$(XENSTORE_LIBS) \
	$(NULL)

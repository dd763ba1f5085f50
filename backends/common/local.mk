# SPDX-License-Identifier: MIT
# What all backends share.
noinst_LTLIBRARIES += backends/common/libbackend.la
backends_common_libbackend_la_SOURCES = \
	backends/common/backend.c \
	backends/common/backend-private.h \
	backends/common/backend-succeed.c \
	backends/common/backend.h \
	backends/common/bucket.c \
	backends/common/bucket.h \
	backends/common/confined.c \
	backends/common/confined.h \
	backends/common/error-node.c \
	backends/common/error-node.h \
	backends/common/grant-copy.c \
	backends/common/grant-copy.h \
	backends/common/journal.c \
	backends/common/journal.h \
	backends/common/journal-read.c \
	backends/common/journal-read.h \
	backends/common/look.c \
	backends/common/look.h \
	backends/common/metrics.c \
	backends/common/metrics.h \
	backends/common/metrics-page.c \
	backends/common/metrics-page.h \
	backends/common/options.c \
	backends/common/options.h \
	backends/common/program.c \
	backends/common/program.h \
	backends/common/ready.c \
	backends/common/ready.h \
	backends/common/slot.c \
	backends/common/slot.h \
	backends/common/state-file.c \
	backends/common/state-file.h \
	backends/common/store-socket.c \
	backends/common/store-socket.h \
	$(NULL)
backends_common_libbackend_la_LIBADD = \
	xenstore/libxsnode.la \
	protocol/libprotocol.la \
	common/libcommon.la \
	$(NULL)

# SPDX-License-Identifier: MIT
# Helpers that every part uses and that know nothing of Xen.
noinst_LTLIBRARIES += common/libcommon.la
common_libcommon_la_SOURCES = \
	common/array.h \
	common/cleanup.h \
	common/fdpass.c \
	common/fdpass.h \
	common/log.c \
	common/log.h \
	common/loop.c \
	common/loop.h \
	common/paths.c \
	common/paths.h \
	$(NULL)

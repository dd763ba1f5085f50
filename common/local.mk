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
	common/spin.c \
	common/spin.h \
	$(NULL)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/spin
TESTS += tests/unit/spin
tests_unit_spin_SOURCES = tests/unit/spin.c common/spin.c
tests_unit_spin_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_spin_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getrusage
tests_unit_spin_LDADD = $(CMOCKA_LIBS)
endif

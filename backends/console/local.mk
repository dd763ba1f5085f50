# SPDX-License-Identifier: MIT
# The console backend.
sbin_PROGRAMS += backends/console/sluice-console
backends_console_sluice_console_SOURCES = \
	backends/console/buffer.c \
	backends/console/buffer.h \
	backends/console/console.c \
	backends/console/console.h \
	backends/console/device.c \
	backends/console/device.h \
	backends/console/endpoint.c \
	backends/console/endpoint.h \
	backends/console/main.c \
	$(NULL)
backends_console_sluice_console_LDADD = \
	backends/common/libbackend.la \
	common/libconfine.la \
	$(XENEVTCHN_LIBS) \
	$(XENGNTTAB_LIBS) \
	$(XENSTORE_LIBS) \
	$(NULL)

if HAVE_CMOCKA
console_unit_tests = tests/unit/console-buffer
check_PROGRAMS += $(console_unit_tests)
TESTS += $(console_unit_tests)
tests_unit_console_buffer_SOURCES = tests/unit/console-buffer.c backends/console/buffer.c
tests_unit_console_buffer_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_console_buffer_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/peers/console-live
TESTS += tests/peers/console-live
tests_peers_console_live_SOURCES = \
	tests/peers/console-live.c \
	$(hv_harness) \
	$(store_server_sources) \
	$(NULL)
tests_peers_console_live_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_console_live_LDADD = $(hv_process_ldadd) $(XENSTORE_LIBS)
endif
dist_man_MANS += docs/man/sluice-console.8

# SPDX-License-Identifier: MIT
# The console backend.
sbin_PROGRAMS += backends/console/sluice-console
backends_console_sluice_console_SOURCES = \
	backends/console/budget.c \
	backends/console/budget.h \
	backends/console/clients.c \
	backends/console/clients.h \
	backends/console/console-private.h \
	backends/console/console.c \
	backends/console/console.h \
	backends/console/ctl.c \
	backends/console/ctl.h \
	backends/console/device.c \
	backends/console/device.h \
	backends/console/endpoint.c \
	backends/console/endpoint.h \
	backends/console/log-file.c \
	backends/console/log-file.h \
	backends/console/log-format.c \
	backends/console/log-format.h \
	backends/console/log-writer.c \
	backends/console/log-writer.h \
	backends/console/main.c \
	backends/console/primary.c \
	backends/console/secondary.c \
	backends/console/tape-file.c \
	backends/console/tape-file.h \
	backends/console/tape.c \
	backends/console/tape.h \
	backends/console/users.c \
	backends/console/users.h \
	$(NULL)
backends_console_sluice_console_LDADD = \
	backends/common/libbackend.la \
	common/libconfine.la \
	$(XENEVTCHN_LIBS) \
	$(XENGNTTAB_LIBS) \
	$(XENSTORE_LIBS) \
	$(NULL)

if HAVE_CMOCKA
console_unit_tests = \
	tests/unit/console-budget \
	tests/unit/console-ctl \
	tests/unit/console-log-file \
	tests/unit/console-log-format \
	tests/unit/console-tape \
	tests/unit/console-tape-file \
	$(NULL)
check_PROGRAMS += $(console_unit_tests)
TESTS += $(console_unit_tests)
tests_unit_console_budget_SOURCES = tests/unit/console-budget.c backends/console/budget.c \
	backends/common/bucket.c
tests_unit_console_budget_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_console_budget_LDADD = $(CMOCKA_LIBS)
tests_unit_console_ctl_SOURCES = tests/unit/console-ctl.c backends/console/ctl.c
tests_unit_console_ctl_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_console_ctl_LDADD = $(CMOCKA_LIBS)
tests_unit_console_log_file_SOURCES = tests/unit/console-log-file.c backends/console/log-file.c
tests_unit_console_log_file_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_console_log_file_LDADD = $(CMOCKA_LIBS) common/libcommon.la
tests_unit_console_log_format_SOURCES = tests/unit/console-log-format.c backends/console/log-format.c
tests_unit_console_log_format_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_console_log_format_LDADD = $(CMOCKA_LIBS)
tests_unit_console_tape_SOURCES = tests/unit/console-tape.c backends/console/tape.c
tests_unit_console_tape_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_console_tape_LDADD = $(CMOCKA_LIBS)

tests_unit_console_tape_file_SOURCES = tests/unit/console-tape-file.c \
	backends/console/tape-file.c \
	backends/console/tape.c
tests_unit_console_tape_file_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_console_tape_file_LDADD = $(CMOCKA_LIBS) backends/common/libbackend.la

console_live_tests = \
	tests/peers/console-device \
	tests/peers/console-kill \
	tests/peers/console-live \
	tests/peers/console-log \
	tests/peers/console-terminal \
	tests/peers/console-users \
	$(NULL)
check_PROGRAMS += $(console_live_tests)
if HYPERVISOR
TESTS += $(console_live_tests)
endif
console_rig = \
	tests/peers/console-rig.c \
	tests/peers/console-rig.h \
	$(hv_harness) \
	$(store_server_sources) \
	$(NULL)
tests_peers_console_device_SOURCES = tests/peers/console-device.c $(console_rig)
tests_peers_console_device_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_console_device_LDADD = frontends/libconsolefront.la $(hv_process_ldadd) $(XENSTORE_LIBS)
tests_peers_console_kill_SOURCES = tests/peers/console-kill.c $(console_rig)
tests_peers_console_kill_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_console_kill_LDADD = $(hv_process_ldadd) $(XENSTORE_LIBS)
tests_peers_console_live_SOURCES = tests/peers/console-live.c $(console_rig)
tests_peers_console_live_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_console_live_LDADD = $(hv_process_ldadd) $(XENSTORE_LIBS)
tests_peers_console_log_SOURCES = tests/peers/console-log.c $(console_rig)
tests_peers_console_log_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_console_log_LDADD = $(hv_process_ldadd) $(XENSTORE_LIBS)
tests_peers_console_terminal_SOURCES = \
	tests/peers/console-terminal.c \
	tools/console-client.c \
	tools/console-client.h \
	$(console_rig) \
	$(NULL)
tests_peers_console_terminal_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_console_terminal_LDADD = $(hv_process_ldadd) $(XENSTORE_LIBS)
tests_peers_console_users_SOURCES = tests/peers/console-users.c $(console_rig)
tests_peers_console_users_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_console_users_LDADD = $(hv_process_ldadd) $(XENSTORE_LIBS)
endif
# A guest on a further console, run by the scripts.
check_PROGRAMS += tests/peers/console-guest
tests_peers_console_guest_SOURCES = tests/peers/console-guest.c
tests_peers_console_guest_LDADD = frontends/libconsolefront.la

console_scripts = tests/scripts/console-driverd.sh tests/scripts/console-verb.sh
dist_check_SCRIPTS += $(console_scripts)
TESTS += $(console_scripts)
dist_man_MANS += docs/man/sluice-console.1 docs/man/sluice-console.8

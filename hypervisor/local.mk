# SPDX-License-Identifier: MIT
# The hypervisor. Its state machines know no sockets and no KVM; unit tests link them alone.
noinst_LTLIBRARIES += hypervisor/libhvstate.la
hypervisor_libhvstate_la_SOURCES = \
	hypervisor/domain.c \
	hypervisor/domain.h \
	hypervisor/event-2l.c \
	hypervisor/event-abi-private.h \
	hypervisor/event-abi.c \
	hypervisor/event-abi.h \
	hypervisor/event-fifo.c \
	hypervisor/event-table.c \
	hypervisor/event-table.h \
	hypervisor/event.c \
	hypervisor/event.h \
	hypervisor/grant.c \
	hypervisor/grant.h \
	$(NULL)

if HYPERVISOR
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
hypervisor_sluice_hypervisor_LDADD = hypervisor/vm/libvm.la hypervisor/libhvstate.la common/libcommon.la
if HAVE_LIBSECCOMP
hypervisor_sluice_hypervisor_SOURCES += hypervisor/confine.c
hypervisor_sluice_hypervisor_CPPFLAGS = $(AM_CPPFLAGS) $(LIBSECCOMP_CFLAGS)
hypervisor_sluice_hypervisor_LDADD += $(LIBSECCOMP_LIBS)
else
hypervisor_sluice_hypervisor_SOURCES += hypervisor/confine-none.c
endif
endif
EXTRA_DIST += hypervisor/confine.c hypervisor/confine-none.c

dist_man_MANS += docs/man/sluice-hypervisor.8

# State machines alone, then real domains against a real hypervisor. The latter are linked
# with the distribution's libraries and run on ours: see tests/unit/hv-harness.h.
if HAVE_CMOCKA
hv_state_tests = \
	tests/unit/event \
	tests/unit/event-race \
	tests/unit/event-vm \
	tests/unit/grant \
	$(NULL)
# As many vCPUs as x86 has room for in its shared information.
hv_x86_tests = \
	tests/unit/event-2l \
	tests/unit/event-fifo \
	$(NULL)
hv_process_tests = \
	tests/peers/hypervisor-death \
	tests/unit/event-calls \
	tests/unit/event-process \
	tests/unit/grant-hostile \
	tests/unit/grant-process \
	tests/peers/hypervisor-live \
	tests/peers/hypervisor-wire \
	$(NULL)
check_PROGRAMS += $(hv_state_tests)
TESTS += $(hv_state_tests)
if HYPERVISOR
check_PROGRAMS += $(hv_x86_tests) $(hv_process_tests)
TESTS += $(hv_x86_tests) $(hv_process_tests)
endif

tests_unit_event_SOURCES = tests/unit/event.c
tests_unit_event_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_event_LDADD = hypervisor/libhvstate.la $(CMOCKA_LIBS)
event_rig = tests/unit/event-rig.c tests/unit/event-rig.h
event_rig_ldadd = hypervisor/libhvstate.la tools/libeventconsumer.la $(CMOCKA_LIBS)
tests_unit_event_2l_SOURCES = tests/unit/event-2l.c $(event_rig)
tests_unit_event_2l_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_event_2l_LDADD = $(event_rig_ldadd)
tests_unit_event_fifo_SOURCES = tests/unit/event-fifo.c $(event_rig)
tests_unit_event_fifo_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_event_fifo_LDADD = $(event_rig_ldadd)
tests_unit_event_race_SOURCES = tests/unit/event-race.c $(event_rig)
tests_unit_event_race_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_event_race_LDADD = $(event_rig_ldadd)
tests_unit_event_vm_SOURCES = tests/unit/event-vm.c
tests_unit_event_vm_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_event_vm_LDADD = hypervisor/libhvstate.la $(CMOCKA_LIBS)
tests_unit_grant_SOURCES = tests/unit/grant.c
tests_unit_grant_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_grant_LDADD = hypervisor/libhvstate.la $(CMOCKA_LIBS)

hv_harness = tests/unit/hv-harness.c tests/unit/hv-harness.h tests/unit/hv-handles.h
hv_process_ldadd = \
	hypervisor/process/libhvctl.la \
	common/libcommon.la \
	$(XENEVTCHN_LIBS) \
	$(XENGNTTAB_LIBS) \
	$(XENTOOLCORE_LIBS) \
	$(CMOCKA_LIBS) \
	$(NULL)
tests_unit_event_calls_SOURCES = tests/unit/event-calls.c $(hv_harness)
tests_unit_event_calls_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_event_calls_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
tests_unit_event_calls_LDADD = $(hv_process_ldadd)
tests_unit_event_process_SOURCES = tests/unit/event-process.c $(hv_harness)
tests_unit_event_process_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_event_process_LDADD = $(hv_process_ldadd)
tests_unit_grant_hostile_SOURCES = tests/unit/grant-hostile.c $(hv_harness)
tests_unit_grant_hostile_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_grant_hostile_LDADD = $(hv_process_ldadd)
tests_unit_grant_process_SOURCES = tests/unit/grant-process.c $(hv_harness)
tests_unit_grant_process_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_grant_process_LDADD = $(hv_process_ldadd)
tests_peers_hypervisor_death_SOURCES = tests/peers/hypervisor-death.c $(hv_harness)
tests_peers_hypervisor_death_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_hypervisor_death_LDADD = $(hv_process_ldadd)
hv_puppet = tests/peers/puppet.c tests/peers/puppet.h
tests_peers_hypervisor_live_SOURCES = tests/peers/hypervisor-live.c $(hv_puppet) $(hv_harness)
tests_peers_hypervisor_live_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_hypervisor_live_LDADD = $(hv_process_ldadd)
tests_peers_hypervisor_wire_SOURCES = tests/peers/hypervisor-wire.c $(hv_harness)
tests_peers_hypervisor_wire_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_peers_hypervisor_wire_LDADD = $(hv_process_ldadd)
endif

check_PROGRAMS += tests/peers/hv-tool
tests_peers_hv_tool_SOURCES = tests/peers/hv-tool.c
tests_peers_hv_tool_LDADD = hypervisor/process/libhvctl.la common/libcommon.la
check_PROGRAMS += tests/peers/reach
tests_peers_reach_SOURCES = tests/peers/reach.c
tests_peers_reach_LDADD = common/libcommon.la $(XENGNTTAB_LIBS)

hv_scripts = \
	tests/scripts/hypervisor-control-socket.sh \
	tests/scripts/hypervisor-domain-init-exit.sh \
	tests/scripts/hypervisor-domain-init-allow.sh \
	tests/scripts/hypervisor-domain-init-mounts.sh \
	tests/scripts/hypervisor-domain-init-into.sh \
	tests/scripts/hypervisor-domain-init-network.sh \
	tests/scripts/hypervisor-domain-init-sealed.sh \
	tests/scripts/hypervisor-domain-init.sh \
	tests/scripts/hypervisor-domain-pages.sh \
	tests/scripts/hypervisor-libs-abi.sh \
	tests/scripts/hypervisor-relay.sh \
	$(NULL)
dist_check_SCRIPTS += $(hv_scripts)
TESTS += $(hv_scripts)

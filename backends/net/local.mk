# SPDX-License-Identifier: MIT
# The network backend. A new kind of port is a source here and a row in ports.c.
noinst_LTLIBRARIES += backends/net/libnetcore.la
backends_net_libnetcore_la_SOURCES = \
	backends/net/checksum.c \
	backends/net/checksum.h \
	backends/net/frame.h \
	backends/net/offload.c \
	backends/net/offload.h \
	$(NULL)
backends_net_libnetcore_la_LIBADD = \
	protocol/libprotocol.la \
	common/libcommon.la \
	$(NULL)

noinst_LTLIBRARIES += backends/net/libnetport.la
backends_net_libnetport_la_SOURCES = \
	backends/net/frame.h \
	backends/net/link.c \
	backends/net/link.h \
	backends/net/packet-steer.c \
	backends/net/packet-steer.h \
	backends/net/port.h \
	backends/net/port-batch.c \
	backends/net/port-batch.h \
	backends/net/port-macvtap.c \
	backends/net/port-null.c \
	backends/net/port-packet.c \
	backends/net/port-tap.c \
	backends/net/port-tun.c \
	backends/net/port-tun.h \
	backends/net/port-vnet.c \
	backends/net/port-vnet.h \
	backends/net/ports.c \
	backends/net/ports.h \
	backends/net/user-forward.c \
	backends/net/user-forward.h \
	backends/net/user-gate.c \
	backends/net/user-gate.h \
	$(NULL)
backends_net_libnetport_la_LIBADD = \
	backends/net/libnetcore.la \
	common/libcommon.la \
	$(LIBURING_LIBS) \
	$(NULL)
if HAVE_SLIRP
backends_net_libnetport_la_SOURCES += \
	backends/net/port-user.c \
	backends/net/user-poll.c \
	backends/net/user-poll.h
backends_net_libnetport_la_LIBADD += $(SLIRP_LIBS)
endif
EXTRA_DIST += backends/net/port-user.c backends/net/user-poll.c backends/net/user-poll.h

if HAVE_CMOCKA
net_core_tests = \
	tests/unit/net-offload \
	tests/unit/net-segment \
	$(NULL)
check_PROGRAMS += $(net_core_tests)
TESTS += $(net_core_tests)
tests_unit_net_offload_SOURCES = tests/unit/net-offload.c tests/unit/net-frames.h
tests_unit_net_offload_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_offload_LDADD = backends/net/libnetcore.la $(CMOCKA_LIBS)
tests_unit_net_segment_SOURCES = tests/unit/net-segment.c tests/unit/net-frames.h
tests_unit_net_segment_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_segment_LDADD = backends/net/libnetcore.la $(CMOCKA_LIBS)
endif
check_PROGRAMS += tests/fuzz/fuzz-offload
TESTS += tests/fuzz/fuzz-offload
tests_fuzz_fuzz_offload_SOURCES = tests/fuzz/fuzz-offload.c tests/fuzz/standalone.c
tests_fuzz_fuzz_offload_LDADD = backends/net/libnetcore.la
check_PROGRAMS += tests/peers/net-kernel-segments
tests_peers_net_kernel_segments_SOURCES = tests/peers/net-kernel-segments.c tests/unit/net-frames.h
tests_peers_net_kernel_segments_LDADD = backends/net/libnetcore.la
dist_check_SCRIPTS += tests/scripts/net-kernel-segments.sh
TESTS += tests/scripts/net-kernel-segments.sh

# What tests of ports drive them with.
check_PROGRAMS += tests/peers/port-cable
tests_peers_port_cable_LDADD = \
	backends/net/libnetport.la \
	common/libconfine.la \
	$(NULL)

if HAVE_CMOCKA
net_port_tests = \
	tests/unit/net-port-null \
	tests/unit/net-port-batch \
	tests/unit/net-port-vnet \
	tests/unit/net-user \
	$(NULL)
check_PROGRAMS += $(net_port_tests)
TESTS += $(net_port_tests)
net_port_test_libs = backends/net/libnetport.la $(CMOCKA_LIBS)
tests_unit_net_port_null_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_port_null_LDADD = $(net_port_test_libs)
tests_unit_net_port_batch_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_port_batch_LDADD = $(net_port_test_libs)
tests_unit_net_port_vnet_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_port_vnet_LDADD = $(net_port_test_libs)
tests_unit_net_user_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_user_LDADD = $(net_port_test_libs)
endif

net_port_scripts = \
	tests/scripts/net-packet.sh \
	tests/scripts/net-packet-errors.sh \
	tests/scripts/net-macvtap.sh \
	tests/scripts/net-macvtap-errors.sh \
	tests/scripts/net-tap.sh \
	tests/scripts/net-tap-carrier.sh \
	tests/scripts/net-tap-errors.sh \
	tests/scripts/net-tap-plain.sh \
	tests/scripts/net-user.sh \
	tests/scripts/net-user-forward.sh \
	tests/scripts/net-user-gate.sh \
	tests/scripts/net-user-idle.sh \
	tests/scripts/net-user-names.sh \
	$(NULL)
dist_check_SCRIPTS += $(net_port_scripts)
TESTS += $(net_port_scripts)
EXTRA_DIST += tests/scripts/net-port-functions.sh tests/scripts/net-user-functions.sh

# The backend itself, for the program and for its tests.
noinst_LTLIBRARIES += backends/net/libnetback.la
backends_net_libnetback_la_SOURCES = \
	backends/net/backlog.c \
	backends/net/backlog.h \
	backends/net/device.c \
	backends/net/device.h \
	backends/net/device-connect.c \
	backends/net/device-ctrl.c \
	backends/net/device-open.c \
	backends/net/device-private.h \
	backends/net/device-resume.c \
	backends/net/drops.c \
	backends/net/drops.h \
	backends/net/mcast.c \
	backends/net/mcast.h \
	backends/net/offer.c \
	backends/net/offer.h \
	backends/net/queue.c \
	backends/net/queue.h \
	backends/net/queue-answer.c \
	backends/net/queue-open.c \
	backends/net/queue-private.h \
	backends/net/queue-recv.c \
	backends/net/queue-rx.c \
	backends/net/queue-tx.c \
	backends/net/rate.c \
	backends/net/rate.h \
	backends/net/record.c \
	backends/net/record.h \
	backends/net/stall.c \
	backends/net/stall.h \
	backends/net/steer.c \
	backends/net/steer.h \
	$(NULL)
backends_net_libnetback_la_LIBADD = \
	backends/net/libnetport.la \
	backends/common/libbackend.la \
	$(NULL)

sbin_PROGRAMS += backends/net/sluice-net
backends_net_sluice_net_SOURCES = backends/net/main.c
backends_net_sluice_net_LDADD = \
	backends/net/libnetback.la \
	common/libconfine.la \
	$(XENEVTCHN_LIBS) \
	$(XENGNTTAB_LIBS) \
	$(XENSTORE_LIBS) \
	$(NULL)

if HAVE_CMOCKA
# Whole devices, on Xen's libraries in one process.
net_back_tests = \
	tests/unit/net-answer \
	tests/unit/net-device \
	tests/unit/net-device-rules \
	tests/unit/net-features \
	tests/unit/net-parts \
	tests/unit/net-resume \
	$(NULL)
check_PROGRAMS += $(net_back_tests)
TESTS += $(net_back_tests)
net_back_rig = tests/unit/net-rig.c tests/unit/net-rig.h \
	tests/peers/port-fake.c tests/peers/port-fake.h
net_back_libs = frontends/libnetfront.la backends/net/libnetback.la tests/peers/libfakexen.la $(CMOCKA_LIBS)
tests_unit_net_answer_LDADD = backends/net/libnetback.la tests/peers/libfakexen.la $(CMOCKA_LIBS)
tests_unit_net_answer_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ring_back_put -Wl,--wrap=ring_back_push
tests_unit_net_device_SOURCES = tests/unit/net-device.c $(net_back_rig)
tests_unit_net_device_LDADD = $(net_back_libs)
tests_unit_net_device_rules_SOURCES = tests/unit/net-device-rules.c $(net_back_rig)
tests_unit_net_device_rules_LDADD = $(net_back_libs)
tests_unit_net_features_SOURCES = tests/unit/net-features.c tests/unit/net-frames.h $(net_back_rig)
tests_unit_net_features_LDADD = $(net_back_libs)
tests_unit_net_parts_LDADD = backends/net/libnetback.la tests/peers/libfakexen.la $(CMOCKA_LIBS)
tests_unit_net_resume_SOURCES = tests/unit/net-resume.c $(net_back_rig)
tests_unit_net_resume_LDADD = $(net_back_libs)
endif
check_PROGRAMS += tests/peers/net-survivor
tests_peers_net_survivor_LDADD = frontends/libnetfront.la common/libcommon.la
net_back_scripts = \
	tests/scripts/net-survive.sh \
	tests/scripts/net-upgrade.sh \
	$(NULL)
dist_check_SCRIPTS += $(net_back_scripts)
TESTS += $(net_back_scripts)
dist_man_MANS += docs/man/sluice-net.8
dist_bashcomp_DATA += docs/completion/sluice-net

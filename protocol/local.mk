# SPDX-License-Identifier: MIT
# Wire formats and negotiation: pure code, no I/O.
noinst_LTLIBRARIES += protocol/libprotocol.la
protocol_libprotocol_la_SOURCES = \
	protocol/blkif.c \
	protocol/blkif.h \
	protocol/blkif-nodes.c \
	protocol/blkif-nodes.h \
	protocol/console.c \
	protocol/console.h \
	protocol/negotiate.c \
	protocol/negotiate.h \
	protocol/node-rows.h \
	protocol/netif.c \
	protocol/netif.h \
	protocol/netif-ctrl.c \
	protocol/netif-ctrl.h \
	protocol/netif-nodes.c \
	protocol/netif-nodes.h \
	protocol/packet.c \
	protocol/packet.h \
	protocol/ring.c \
	protocol/ring.h \
	protocol/xenbus.c \
	protocol/xenbus.h \
	$(NULL)

noinst_PROGRAMS += protocol/gen-docs
protocol_gen_docs_SOURCES = protocol/gen-docs.c
protocol_gen_docs_LDADD = protocol/libprotocol.la
dist_check_SCRIPTS += tests/scripts/protocol-docs.sh
TESTS += tests/scripts/protocol-docs.sh

if HAVE_CMOCKA
protocol_tests = \
	tests/unit/blkif \
	tests/unit/blkif-nodes \
	tests/unit/blkif-rules \
	tests/unit/console-ring \
	tests/unit/negotiate \
	tests/unit/netif-ctrl \
	tests/unit/netif-nodes \
	tests/unit/netif-rules \
	tests/unit/netif-rx \
	tests/unit/netif-tx \
	tests/unit/packet \
	tests/unit/ring \
	tests/unit/ring-threads \
	tests/unit/xenbus \
	$(NULL)
check_PROGRAMS += $(protocol_tests)
TESTS += $(protocol_tests)
tests_unit_blkif_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_blkif_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_blkif_nodes_SOURCES = tests/unit/blkif-nodes.c tests/unit/fake-nodes.h
tests_unit_blkif_nodes_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_blkif_nodes_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_blkif_rules_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_blkif_rules_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_console_ring_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_console_ring_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_negotiate_SOURCES = tests/unit/negotiate.c tests/unit/fake-nodes.h
tests_unit_negotiate_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_negotiate_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_netif_ctrl_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_netif_ctrl_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_netif_nodes_SOURCES = tests/unit/netif-nodes.c tests/unit/fake-nodes.h
tests_unit_netif_nodes_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_netif_nodes_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_netif_rules_SOURCES = tests/unit/netif-rules.c tests/unit/netif-rig.h
tests_unit_netif_rules_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_netif_rules_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_netif_rx_SOURCES = tests/unit/netif-rx.c tests/unit/netif-rig.h
tests_unit_netif_rx_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_netif_rx_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_netif_tx_SOURCES = tests/unit/netif-tx.c tests/unit/netif-rig.h
tests_unit_netif_tx_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_netif_tx_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_packet_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_packet_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_ring_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_ring_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_ring_threads_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_ring_threads_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_xenbus_LDADD = protocol/libprotocol.la $(CMOCKA_LIBS)
tests_unit_xenbus_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
endif

# Each fuzz target is also a check program: standalone.c gives it fixed inputs.
protocol_fuzzers = \
	tests/fuzz/fuzz-blkif \
	tests/fuzz/fuzz-ctrl \
	tests/fuzz/fuzz-negotiate \
	tests/fuzz/fuzz-netif \
	$(NULL)
check_PROGRAMS += $(protocol_fuzzers)
TESTS += $(protocol_fuzzers)
tests_fuzz_fuzz_blkif_SOURCES = tests/fuzz/fuzz-blkif.c tests/fuzz/input.h tests/fuzz/standalone.c
tests_fuzz_fuzz_blkif_LDADD = protocol/libprotocol.la
tests_fuzz_fuzz_ctrl_SOURCES = tests/fuzz/fuzz-ctrl.c tests/fuzz/input.h tests/fuzz/standalone.c
tests_fuzz_fuzz_ctrl_LDADD = protocol/libprotocol.la
tests_fuzz_fuzz_netif_SOURCES = tests/fuzz/fuzz-netif.c tests/fuzz/input.h tests/fuzz/standalone.c
tests_fuzz_fuzz_netif_LDADD = protocol/libprotocol.la
tests_fuzz_fuzz_negotiate_SOURCES = tests/fuzz/fuzz-negotiate.c tests/fuzz/standalone.c
tests_fuzz_fuzz_negotiate_LDADD = protocol/libprotocol.la
EXTRA_DIST += tests/fuzz/README.md

// SPDX-License-Identifier: MIT
/* Every rule that a packet of the guest must keep, as docs/rules-net.md numbers them. */
#include "config.h"

#include <errno.h>
#include <pthread.h>

#include "netif-rig.h"

#include "common/array.h"

static struct rig rig;
static struct netif_tx_packet packet;

static int fresh(void **state)
{
	rig_begin(&rig, TX_SLOT, 0);
	return 0;
}

static void rule01_xsa39_index_out_of_range(void **state)
{
	static const size_t slots[][2] = { { TX_SLOT, 256 }, { RX_SLOT, 256 }, { 16, 128 } };

	for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
		uint32_t prod = slots[i][1];

		rig_begin(&rig, slots[i][0], 0);
		memcpy(rig.page, &prod, sizeof(prod));
		assert_int_equal(ring_back_pending(&rig.back), prod);
		prod++;
		memcpy(rig.page, &prod, sizeof(prod));
		assert_int_equal(ring_back_pending(&rig.back), -EPROTO);
		prod = 1;
		memcpy(rig.page, &prod, sizeof(prod));
		assert_int_equal(ring_back_pending(&rig.back), -EPROTO);
	}
}

/* A broken ring has no packets, and nothing of it is read. */
static void rule01_broken_ring_gives_nothing(void **state)
{
	unsigned pending = 3;

	rig_packet(&rig, 3, 100, 1);
	rig.back.broken = true;
	assert_int_equal(netif_tx_take(&rig.back, &pending, &all_limits, &packet),
		NETIF_FATAL_RING);
	assert_int_equal(packet.nanswers, 0);
}

static void rule02_xsa155_a_packet_is_a_copy(void **state)
{
	struct netif_tx_packet before;
	uint16_t id;

	rig_packet(&rig, 3, 200, 7);
	assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
	before = packet;
	memset(rig.page + RING_HEADER_SIZE, 0xff, sizeof(rig.page) - RING_HEADER_SIZE);
	assert_memory_equal(&before, &packet, sizeof(before));
	netif_tx_answer(&rig.back, &packet, NETIF_RSP_OKAY);
	ring_back_push(&rig.back);
	assert_int_equal(rig_status(&rig, &id), NETIF_RSP_OKAY);
	assert_int_equal(id, 7);
}

struct flipper {
	uint16_t *field;
	uint16_t a, b;
	bool stop;
};

static void *flip(void *opaque)
{
	struct flipper *f = opaque;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		__atomic_store_n(f->field, f->a, __ATOMIC_RELAXED);
		__atomic_store_n(f->field, f->b, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* A guest changes a slot while it is taken: what passed the check is what is used. */
static void rule02_xsa155_a_slot_changes_while_it_is_taken(void **state)
{
	static struct flipper f = { .a = 0, .b = 4095 };
	bool consistent = true;
	pthread_t thread;

	f.field = (uint16_t *)(rig.page + RING_HEADER_SIZE + TX_SLOT +
		offsetof(struct netif_tx_request, offset));
	rig_slot(&rig, 1, 0, NETTXF_more_data, 1, 1000);
	rig_slot(&rig, 2, 0, 0, 2, 500);
	ring_front_push(&rig.front);
	assert_int_equal(pthread_create(&thread, NULL, flip, &f), 0);
	for (unsigned i = 0; i < 200000; i++) {
		struct ring_back again = rig.back;
		unsigned left = 2;
		enum netif_verdict v = netif_tx_take(&again, &left, &all_limits, &packet);

		if (v == NETIF_OK && packet.slot[1].offset + packet.slot[1].size > 4096)
			consistent = false;
		if (v != NETIF_OK && v != NETIF_FATAL_PAGE)
			consistent = false;
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_true(consistent);
}

/* Three times round the index's end, with chains across the ring's end: all are answered. */
static void rule03_xsa39_wraps(void **state)
{
	uint32_t sent = 0;
	uint16_t id;

	rig_begin(&rig, TX_SLOT, UINT32_MAX - 300);
	for (unsigned round = 0; round < 100; round++) {
		unsigned n = 1 + round % 18;

		rig_packet(&rig, n, 100, sent);
		assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
		assert_int_equal(packet.nslots, n);
		netif_tx_answer(&rig.back, &packet, NETIF_RSP_OKAY);
		ring_back_push(&rig.back);
		for (unsigned i = 0; i < n; i++, sent++) {
			assert_int_equal(rig_status(&rig, &id), NETIF_RSP_OKAY);
			assert_int_equal(id, (uint16_t)sent);
		}
		assert_int_equal(rig_status(&rig, &id), -1000);
	}
	assert_true(sent > 3 * 256);
}

/* A second answer would be beyond what was consumed: it reaches no slot. */
static void rule03_xsa39_no_answer_beyond_what_was_taken(void **state)
{
	static uint8_t before[NETIF_PAGE_SIZE];

	rig_packet(&rig, 2, 100, 1);
	rig_packet(&rig, 1, 100, 3);
	ring_front_push(&rig.front);
	assert_int_equal(ring_back_pending(&rig.back), 3);
	assert_int_equal(netif_tx_take(&rig.back, &(unsigned){ 2 }, &all_limits, &packet),
		NETIF_OK);
	netif_tx_answer(&rig.back, &packet, NETIF_RSP_OKAY);
	memcpy(before, rig.page, sizeof(before));
	netif_tx_answer(&rig.back, &packet, NETIF_RSP_OKAY);
	assert_memory_equal(before, rig.page, sizeof(before));
	assert_true(rig.back.broken);
}

static void rule04_xsa39_extra_types(void **state)
{
	for (unsigned type = 0; type < 256; type++) {
		rig_begin(&rig, TX_SLOT, 0);
		rig_slot(&rig, 1, 0, NETTXF_extra_info, 1, 100);
		rig_extra(&rig, type, 0);
		if (type == 0 || type > NETIF_EXTRA_XDP)
			assert_int_equal(rig_take(&rig, &packet), NETIF_FATAL_EXTRA);
		else if (type == XEN_NETIF_EXTRA_TYPE_GSO)
			assert_int_equal(rig_take(&rig, &packet), NETIF_FATAL_GSO);
		else
			assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
		assert_int_equal(packet.nanswers, 2);
	}
}

static void rule04_xsa39_extra_missing(void **state)
{
	rig_slot(&rig, 1, 0, NETTXF_extra_info, 1, 100);
	assert_int_equal(rig_take(&rig, &packet), NETIF_FATAL_INCOMPLETE);
	assert_int_equal(packet.nanswers, 1);
	rig_begin(&rig, TX_SLOT, 0);
	rig_slot(&rig, 1, 0, NETTXF_extra_info, 1, 100);
	rig_extra(&rig, XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE);
	assert_int_equal(rig_take(&rig, &packet), NETIF_FATAL_INCOMPLETE);
	assert_int_equal(packet.nanswers, 2);
}

/* A chain of extras that never ends is as long as the types that there are. */
static void rule04_xsa39_extras_without_end(void **state)
{
	rig_slot(&rig, 1, 0, NETTXF_extra_info, 1, 100);
	rig_gso(&rig, XEN_NETIF_GSO_TYPE_TCPV4, 1000, XEN_NETIF_EXTRA_FLAG_MORE);
	for (unsigned i = 1; i < 255; i++)
		rig_extra(&rig, 1 + i % 5, XEN_NETIF_EXTRA_FLAG_MORE);
	assert_int_equal(rig_take(&rig, &packet), NETIF_FATAL_EXTRA);
	assert_int_equal(packet.nanswers, 7);
}

static void rule04_xsa39_slot_missing(void **state)
{
	rig_slot(&rig, 1, 0, NETTXF_more_data, 1, 100);
	assert_int_equal(rig_take(&rig, &packet), NETIF_FATAL_INCOMPLETE);
	rig_begin(&rig, TX_SLOT, 0);
	rig_slot(&rig, 1, 0, NETTXF_more_data, 1, 100);
	rig_slot(&rig, 1, 0, NETTXF_more_data, 1, 10);
	assert_int_equal(rig_take(&rig, &packet), NETIF_FATAL_INCOMPLETE);
	assert_int_equal(packet.nanswers, 2);
}

/* What waits is taken for the packet only as far as it was shown. */
static void rule04_only_what_is_pending_is_read(void **state)
{
	unsigned left = 1;

	rig_packet(&rig, 2, 100, 1);
	ring_front_push(&rig.front);
	assert_int_equal(ring_back_pending(&rig.back), 2);
	assert_int_equal(netif_tx_take(&rig.back, &left, &all_limits, &packet),
		NETIF_FATAL_INCOMPLETE);
	assert_int_equal(left, 0);
	assert_int_equal(packet.nanswers, 1);
}

static void rule05_slots_with_more_than_the_packet(void **state)
{
	static const uint16_t second[] = { 100, 101, 4096 }, third[] = { 1, 0, 4096 };

	for (unsigned i = 0; i < ARRAY_SIZE(second); i++) {
		rig_begin(&rig, TX_SLOT, 0);
		rig_slot(&rig, 1, 0, NETTXF_more_data, 1, 100);
		rig_slot(&rig, 2, 0, NETTXF_more_data, 2, second[i]);
		rig_slot(&rig, 3, 0, 0, 3, third[i]);
		assert_int_equal(rig_take(&rig, &packet), NETIF_DROP_SIZE);
		assert_int_equal(packet.nanswers, 3);
	}
	/* a packet of 64 KiB and more: its size has wrapped, as some frontends let it */
	rig_begin(&rig, TX_SLOT, 0);
	rig_slot(&rig, 1, 0, NETTXF_more_data, 1, (uint16_t)(17 * 4096));
	for (unsigned i = 0; i < 16; i++)
		rig_slot(&rig, 2, 0, i < 15 ? NETTXF_more_data : 0, 2, 4096);
	assert_int_equal(rig_take(&rig, &packet), NETIF_DROP_SIZE);
	assert_int_equal(packet.nanswers, 17);
}

static void rule06_slots_stay_in_their_page(void **state)
{
	static const struct {
		uint16_t offset, size;
		bool ok;
	} rows[] = { { 0, 4096, true }, { 1, 4096, false }, { 4082, 14, true }, { 4083, 14, false },
		{ 4096, 0, false }, { 4096, 100, false }, { 65535, 65535, false }, { 65535, 14, false },
		{ 0, 4097, false }, { 4095, 2, false } };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		enum netif_verdict want = rows[i].ok ? NETIF_OK : NETIF_FATAL_PAGE;

		rig_begin(&rig, TX_SLOT, 0);
		rig_slot(&rig, 1, rows[i].offset, 0, 1, rows[i].size);
		if (rows[i].size == 0)
			assert_int_not_equal(rig_take(&rig, &packet), NETIF_OK);
		else
			assert_int_equal(rig_take(&rig, &packet), want);
		rig_begin(&rig, TX_SLOT, 0);
		rig_slot(&rig, 1, 0, NETTXF_more_data, 1,
			rows[i].size < 60000 ? rows[i].size + 60 : 65535);
		rig_slot(&rig, 2, rows[i].offset, 0, 2, rows[i].size);
		if (rows[i].offset == 4096 && rows[i].size == 0)
			want = NETIF_OK; /* nothing of the page is used */
		assert_int_equal(rig_take(&rig, &packet), want);
	}
}

/* The first slot's own part is what must fit its page, not the packet's size. */
static void rule06_the_first_slot_by_its_own_part(void **state)
{
	rig_slot(&rig, 1, 4000, NETTXF_more_data, 1, 196);
	rig_slot(&rig, 2, 0, 0, 2, 100);
	assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
	rig_begin(&rig, TX_SLOT, 0);
	rig_slot(&rig, 1, 4000, NETTXF_more_data, 1, 197);
	rig_slot(&rig, 2, 0, 0, 2, 100);
	assert_int_equal(rig_take(&rig, &packet), NETIF_FATAL_PAGE);
}

static void rule07_short_packets(void **state)
{
	for (unsigned size = 0; size < 20; size++) {
		rig_begin(&rig, TX_SLOT, 0);
		rig_slot(&rig, 1, 0, 0, 1, size);
		assert_int_equal(rig_take(&rig, &packet),
			size < 14 ? NETIF_DROP_SHORT : NETIF_OK);
		assert_int_equal(packet.nanswers, 1);
	}
	/* in all slots together: the first may have less than a header */
	rig_begin(&rig, TX_SLOT, 0);
	rig_slot(&rig, 1, 0, NETTXF_more_data, 1, 14);
	rig_slot(&rig, 1, 0, 0, 1, 13);
	assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
	assert_int_equal(packet.slot[0].size, 1);
}

static void rule08_xsa39_numbers_of_slots(void **state)
{
	for (unsigned n = 1; n < 40; n++) {
		unsigned left;
		enum netif_verdict v;

		rig_begin(&rig, TX_SLOT, 0);
		rig_packet(&rig, n, 100, 1);
		v = rig_take_left(&rig, &all_limits, &packet, &left);
		if (n <= 18) {
			assert_int_equal(v, NETIF_OK);
			assert_int_equal(packet.nslots, n);
		} else {
			assert_int_equal(v, n <= 20 ? NETIF_DROP_SLOTS : NETIF_FATAL_SLOTS);
		}
		assert_int_equal(packet.nanswers, n < 21 ? n : 21);
		assert_int_equal(left, n - packet.nanswers);
		netif_tx_answer(&rig.back, &packet, netif_verdict_status(v));
		assert_false(rig.back.broken);
	}
}

static void rule08_most_slots_with_most_extras(void **state)
{
	rig_slot(&rig, 1, 0, NETTXF_extra_info | NETTXF_more_data, 1, 4000);
	rig_gso(&rig, XEN_NETIF_GSO_TYPE_TCPV4, 1000, XEN_NETIF_EXTRA_FLAG_MORE);
	for (unsigned type = 2; type <= 5; type++)
		rig_extra(&rig, type, type < 5 ? XEN_NETIF_EXTRA_FLAG_MORE : 0);
	for (unsigned i = 0; i < 100; i++)
		rig_slot(&rig, 2, 0, NETTXF_more_data, 2, 1);
	assert_int_equal(rig_take(&rig, &packet), NETIF_FATAL_SLOTS);
	assert_int_equal(packet.nanswers, ARRAY_SIZE(packet.answer));
}

static void rule09_xsa448_empty_slots(void **state)
{
	rig_slot(&rig, 1, 4096, NETTXF_more_data, 1, 100);
	rig_slot(&rig, 2, 0, NETTXF_more_data, 2, 0);
	rig_slot(&rig, 3, 0, NETTXF_more_data, 3, 100);
	rig_slot(&rig, 4, 4096, 0, 4, 0);
	assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
	assert_int_equal(packet.nslots, 4);
	assert_int_equal(packet.slot[0].size, 0);
	assert_int_equal(packet.slot[1].size, 0);
	assert_int_equal(packet.slot[2].size, 100);
	assert_int_equal(packet.slot[3].size, 0);
	/* of which nothing is left: no packet */
	rig_begin(&rig, TX_SLOT, 0);
	for (unsigned i = 0; i < 18; i++)
		rig_slot(&rig, 1, 0, i < 17 ? NETTXF_more_data : 0, i, 0);
	assert_int_equal(rig_take(&rig, &packet), NETIF_DROP_SHORT);
	assert_int_equal(packet.nanswers, 18);
}

/* XSA-432: whatever the sizes, a taken packet's slots have exactly its bytes. */
static void rule11_xsa432_slots_have_the_packets_size(void **state)
{
	for (unsigned n = 2; n <= 18; n++) {
		for (unsigned first = 14; first < 60; first++) {
			uint32_t sum = 0;

			rig_begin(&rig, TX_SLOT, 0);
			rig_slot(&rig, 1, 0, NETTXF_more_data, 0, first);
			for (unsigned i = 1; i < n; i++)
				rig_slot(&rig, 1, 0, i + 1 < n ? NETTXF_more_data : 0, i, i % 4);
			if (rig_take(&rig, &packet) != NETIF_OK)
				continue;
			for (unsigned i = 0; i < packet.nslots; i++)
				sum += packet.slot[i].size;
			assert_int_equal(sum, first);
			assert_int_equal(packet.size, first);
		}
	}
}

static void rule17_gso_sizes_and_types(void **state)
{
	for (unsigned type = 0; type < 256; type++) {
		for (unsigned size = 0; size < 2; size++) {
			bool ok = size && (type == 1 || type == 2);

			rig_begin(&rig, TX_SLOT, 0);
			rig_slot(&rig, 1, 0, NETTXF_extra_info | NETTXF_csum_blank, 1, 2000);
			rig_gso(&rig, type, size, 0);
			assert_int_equal(rig_take(&rig, &packet), ok ? NETIF_OK : NETIF_FATAL_GSO);
			if (ok)
				assert_int_equal(packet.gso, type);
		}
	}
}

static void rule17_gso_that_was_not_negotiated(void **state)
{
	const struct netif_tx_limits only[3] = { { .sg = true },
		{ .sg = true, .gso_tcpv4 = true }, { .sg = true, .gso_tcpv6 = true } };
	unsigned left;

	for (unsigned type = 1; type <= 2; type++) {
		for (unsigned i = 0; i < 3; i++) {
			rig_begin(&rig, TX_SLOT, 0);
			rig_slot(&rig, 1, 0, NETTXF_extra_info | NETTXF_csum_blank, 1, 2000);
			rig_gso(&rig, type, 1000, 0);
			assert_int_equal(rig_take_left(&rig, &only[i], &packet, &left),
				i == type ? NETIF_OK : NETIF_DROP_GSO);
		}
	}
}

/* Segmentation needs the checksum, which some frontends do not say is blank. */
static void rule17_gso_without_a_blank_checksum(void **state)
{
	rig_slot(&rig, 1, 0, NETTXF_extra_info | NETTXF_data_validated, 1, 2000);
	rig_gso(&rig, XEN_NETIF_GSO_TYPE_TCPV4, 1000, 0);
	assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
	assert_true(packet.csum_blank);
	assert_false(packet.csum_valid);
}

/* Only one change of a kind comes with a packet: the types bound them. */
static void rule19_mcast_changes_of_a_packet(void **state)
{
	rig_slot(&rig, 1, 0, NETTXF_extra_info, 5, 0);
	for (unsigned i = 0; i < 100; i++)
		rig_mcast(&rig, true, i, XEN_NETIF_EXTRA_FLAG_MORE);
	assert_int_equal(rig_take(&rig, &packet), NETIF_FATAL_EXTRA);
	assert_int_equal(packet.nanswers, 3);
}

#define CASE(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(rule01_xsa39_index_out_of_range),
		CASE(rule01_broken_ring_gives_nothing),
		CASE(rule02_xsa155_a_packet_is_a_copy),
		CASE(rule02_xsa155_a_slot_changes_while_it_is_taken),
		CASE(rule03_xsa39_wraps),
		CASE(rule03_xsa39_no_answer_beyond_what_was_taken),
		CASE(rule04_xsa39_extra_types),
		CASE(rule04_xsa39_extra_missing),
		CASE(rule04_xsa39_extras_without_end),
		CASE(rule04_xsa39_slot_missing),
		CASE(rule04_only_what_is_pending_is_read),
		CASE(rule05_slots_with_more_than_the_packet),
		CASE(rule06_slots_stay_in_their_page),
		CASE(rule06_the_first_slot_by_its_own_part),
		CASE(rule07_short_packets),
		CASE(rule08_xsa39_numbers_of_slots),
		CASE(rule08_most_slots_with_most_extras),
		CASE(rule09_xsa448_empty_slots),
		CASE(rule11_xsa432_slots_have_the_packets_size),
		CASE(rule17_gso_sizes_and_types),
		CASE(rule17_gso_that_was_not_negotiated),
		CASE(rule17_gso_without_a_blank_checksum),
		CASE(rule19_mcast_changes_of_a_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

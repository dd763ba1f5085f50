// SPDX-License-Identifier: MIT
/* What a packet of the guest is, and how it is answered; netif-rules.c has what it must keep. */
#include "config.h"

#include "netif-rig.h"

#include "common/array.h"

static struct rig rig;
static struct netif_tx_packet packet;

static int fresh(void **state)
{
	rig_begin(&rig, TX_SLOT, 0);
	return 0;
}

/* --- what a packet is --- */

static void one_slot(void **state)
{
	rig_slot(&rig, 77, 100, 0, 9, 1514);
	assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
	assert_int_equal(packet.size, 1514);
	assert_int_equal(packet.nslots, 1);
	assert_int_equal(packet.slot[0].gref, 77);
	assert_int_equal(packet.slot[0].offset, 100);
	assert_int_equal(packet.slot[0].size, 1514);
	assert_int_equal(packet.nanswers, 1);
	assert_int_equal(packet.answer[0].id, 9);
	assert_false(packet.answer[0].extra);
	assert_false(packet.csum_blank || packet.csum_valid);
	assert_int_equal(packet.gso, NETIF_GSO_NONE);
	assert_int_equal(packet.hash_type, NETIF_HASH_NONE);
	assert_int_equal(packet.nmcast, 0);
}

static void first_slot_has_the_whole_size(void **state)
{
	rig_slot(&rig, 1, 4000, NETTXF_more_data, 1, 3000);
	rig_slot(&rig, 2, 96, NETTXF_more_data, 2, 1000);
	rig_slot(&rig, 3, 0, 0, 3, 1904);
	assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
	assert_int_equal(packet.size, 3000);
	assert_int_equal(packet.nslots, 3);
	assert_int_equal(packet.slot[0].size, 96);
	assert_int_equal(packet.slot[1].size, 1000);
	assert_int_equal(packet.slot[1].offset, 96);
	assert_int_equal(packet.slot[2].size, 1904);
	assert_int_equal(packet.slot[2].gref, 3);
}

static void extras_are_between_the_first_slots(void **state)
{
	struct netif_extra_info hash = { .type = XEN_NETIF_EXTRA_TYPE_HASH,
		.u.hash = { .type = _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP,
			.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
			.value = { 0x78, 0x56, 0x34, 0x92 } } };

	rig_slot(&rig, 1, 0, NETTXF_extra_info | NETTXF_more_data | NETTXF_csum_blank |
		NETTXF_data_validated, 1, 4000);
	rig_gso(&rig, XEN_NETIF_GSO_TYPE_TCPV6, 1440, XEN_NETIF_EXTRA_FLAG_MORE);
	ring_front_put(&rig.front, &hash, sizeof(hash));
	rig_slot(&rig, 2, 0, 0, 2, 3000);
	assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
	assert_int_equal(packet.nslots, 2);
	assert_int_equal(packet.slot[0].size, 1000);
	assert_int_equal(packet.gso, NETIF_GSO_TCPV6);
	assert_int_equal(packet.gso_size, 1440);
	assert_int_equal(packet.hash_type, NETIF_HASH_IPV6_TCP);
	assert_int_equal(packet.hash, 0x92345678);
	assert_true(packet.csum_blank);
	assert_false(packet.csum_valid);
	assert_int_equal(packet.nanswers, 4);
	assert_true(packet.answer[1].extra && packet.answer[2].extra);
	assert_false(packet.answer[0].extra || packet.answer[3].extra);
	assert_int_equal(packet.answer[3].id, 2);
}

static void a_valid_checksum(void **state)
{
	rig_slot(&rig, 1, 0, NETTXF_data_validated, 1, 100);
	assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
	assert_true(packet.csum_valid);
	assert_false(packet.csum_blank);
}

/* A hash is a hint: one of a kind that we do not know is none. */
static void hashes_that_are_none(void **state)
{
	static const uint8_t kind[][2] = { { 4, 1 }, { 255, 1 }, { 0, 0 }, { 1, 2 } };

	for (unsigned i = 0; i < ARRAY_SIZE(kind); i++) {
		struct netif_extra_info hash = { .type = XEN_NETIF_EXTRA_TYPE_HASH,
			.u.hash = { .type = kind[i][0], .algorithm = kind[i][1] } };

		rig_begin(&rig, TX_SLOT, 0);
		rig_slot(&rig, 1, 0, NETTXF_extra_info, 1, 100);
		ring_front_put(&rig.front, &hash, sizeof(hash));
		assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
		assert_int_equal(packet.hash_type, NETIF_HASH_NONE);
	}
}

static void several_packets_are_taken_one_by_one(void **state)
{
	unsigned left;

	rig_packet(&rig, 2, 500, 10);
	rig_packet(&rig, 1, 60, 20);
	rig_packet(&rig, 3, 700, 30);
	assert_int_equal(rig_take_left(&rig, &all_limits, &packet, &left), NETIF_OK);
	assert_int_equal(packet.size, 1000);
	assert_int_equal(left, 4);
	assert_int_equal(netif_tx_take(&rig.back, &left, &all_limits, &packet), NETIF_OK);
	assert_int_equal(packet.size, 60);
	assert_int_equal(netif_tx_take(&rig.back, &left, &all_limits, &packet), NETIF_OK);
	assert_int_equal(packet.size, 2100);
	assert_int_equal(left, 0);
}

static void a_bad_packet_does_not_spoil_the_next(void **state)
{
	unsigned left;

	rig_slot(&rig, 1, 0, NETTXF_more_data, 1, 100);
	rig_slot(&rig, 2, 0, NETTXF_more_data, 2, 101);
	rig_slot(&rig, 3, 0, 0, 3, 1);
	rig_packet(&rig, 1, 60, 20);
	assert_int_equal(rig_take_left(&rig, &all_limits, &packet, &left), NETIF_DROP_SIZE);
	assert_int_equal(left, 1);
	assert_int_equal(packet.nanswers, 3);
	assert_int_equal(netif_tx_take(&rig.back, &left, &all_limits, &packet), NETIF_OK);
	assert_int_equal(packet.slot[0].gref, 1020);
}

/* --- answers --- */

static void each_slot_is_answered_in_order(void **state)
{
	static const int want[] = { NETIF_RSP_ERROR, NETIF_RSP_NULL, NETIF_RSP_NULL, NETIF_RSP_ERROR };
	uint16_t id;

	rig_slot(&rig, 1, 0, NETTXF_extra_info | NETTXF_more_data, 41, 4000);
	rig_gso(&rig, XEN_NETIF_GSO_TYPE_TCPV4, 1440, XEN_NETIF_EXTRA_FLAG_MORE);
	rig_extra(&rig, XEN_NETIF_EXTRA_TYPE_HASH, 0);
	rig_slot(&rig, 2, 0, 0, 42, 3000);
	assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
	netif_tx_answer(&rig.back, &packet, NETIF_RSP_ERROR);
	ring_back_push(&rig.back);
	for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(rig_status(&rig, &id), want[i]);
		if (want[i] != NETIF_RSP_NULL)
			assert_int_equal(id, i ? 42 : 41);
	}
	assert_int_equal(rig_status(&rig, &id), -1000);
	assert_int_equal(ring_back_unanswered(&rig.back), 0);
}

static void statuses_of_verdicts(void **state)
{
	assert_int_equal(netif_verdict_status(NETIF_OK), NETIF_RSP_OKAY);
	assert_int_equal(netif_verdict_status(NETIF_DROP_SLOTS), NETIF_RSP_DROPPED);
	for (int v = NETIF_DROP_SIZE; v <= NETIF_FATAL_SG; v++) {
		assert_int_equal(netif_verdict_status(v), NETIF_RSP_ERROR);
		assert_int_equal(netif_is_fatal(v), v >= NETIF_FATAL_RING);
		assert_true(strlen(netif_verdict_text(v)) > 5);
	}
}

static void several_slots_without_sg(void **state)
{
	const struct netif_tx_limits bare = { .sg = false };
	unsigned left;

	rig_packet(&rig, 2, 100, 1);
	assert_int_equal(rig_take_left(&rig, &bare, &packet, &left), NETIF_FATAL_SG);
	rig_begin(&rig, TX_SLOT, 0);
	rig_packet(&rig, 1, 100, 1);
	assert_int_equal(rig_take_left(&rig, &bare, &packet, &left), NETIF_OK);
}

/* --- changes of the multicast filter --- */

static void mcast_changes(void **state)
{
	const struct netif_tx_limits without = { .sg = true };
	unsigned left;

	rig_slot(&rig, 1, 0, NETTXF_extra_info, 5, 0);
	rig_mcast(&rig, true, 1, XEN_NETIF_EXTRA_FLAG_MORE);
	rig_mcast(&rig, false, 2, 0);
	assert_int_equal(rig_take(&rig, &packet), NETIF_OK);
	assert_int_equal(packet.nmcast, 2);
	assert_true(packet.mcast[0].add);
	assert_false(packet.mcast[1].add);
	assert_int_equal(packet.mcast[0].addr[5], 1);
	assert_int_equal(packet.mcast[1].addr[5], 2);
	assert_int_equal(packet.mcast[1].addr[0], 1);
	assert_int_equal(packet.nanswers, 3);
	/* where nobody offered it, the slot is a packet as any */
	rig_begin(&rig, TX_SLOT, 0);
	rig_slot(&rig, 1, 0, NETTXF_extra_info, 5, 0);
	rig_mcast(&rig, true, 1, 0);
	assert_int_equal(rig_take_left(&rig, &without, &packet, &left), NETIF_DROP_SHORT);
	assert_int_equal(packet.nmcast, 0);
}

#define CASE(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_slot),
		CASE(first_slot_has_the_whole_size),
		CASE(extras_are_between_the_first_slots),
		CASE(a_valid_checksum),
		CASE(hashes_that_are_none),
		CASE(several_packets_are_taken_one_by_one),
		CASE(a_bad_packet_does_not_spoil_the_next),
		CASE(each_slot_is_answered_in_order),
		CASE(statuses_of_verdicts),
		CASE(several_slots_without_sg),
		CASE(mcast_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

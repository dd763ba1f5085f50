// SPDX-License-Identifier: MIT
/*
 * The rules that every packet and every connection must pass, where the backend as a whole
 * keeps them: numbers as in docs/rules-net.md.
 */
#include "config.h"
#include "tests/unit/net-rig.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backends/common/metrics-page.h"
#include "protocol/netif-ctrl.h"
#include "tests/peers/fake-xen.h"

static uint8_t bytes[FRAME_MAX + 1], got[FRAME_MAX + 4096];

static uint32_t *word(struct ring_front *ring, unsigned i)
{
	return (uint32_t *)(void *)ring->page + i;
}

static void wait_until_broken(void)
{
	run_until(BACK "/carrier", "0");
	expect_error("nothing is served until it closes");
	expect_node("state", "4"); /* XSA-374: it has what it shared until it closes */
}

/* After any of them: the same frontend closes and comes back, and all is well. */
static void closes_and_comes_back(void)
{
	struct frame f;

	front("state", "5");
	run_until(BACK "/state", "5");
	front("state", "6");
	run_until(BACK "/state", "6");
	assert_int_equal(fake_counts().mapped, 0);
	assert_int_equal(fake_counts().bound, 0);
	front("state", "1");
	run_until(BACK "/state", "2");
	expect_node("error", NULL);
	rig_queues(1, 4);
	front("state", "4");
	run_until(BACK "/state", "4");
	expect_node("carrier", "1");
	rig_fill(bytes, 100, 1);
	rig_send(&rig.queue[0], NULL, bytes, 100);
	rig_kick(&rig.queue[0]);
	assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_OKAY);
	assert_true(port_fake_get(&f, got, 1000));
}

static void rule01_xsa39_more_requests_than_the_transmit_ring_has(void **state)
{
	rig_connect(1, 4);
	*word(&rig.queue[0].tx, 0) = 300;
	fake_notify_on(0);
	wait_until_broken();
	closes_and_comes_back();
}

static void rule01_xsa39_more_buffers_than_the_receive_ring_has(void **state)
{
	rig_connect(1, 4);
	*word(&rig.queue[0].rx, 0) = 300;
	fake_notify_on(0);
	wait_until_broken();
	closes_and_comes_back();
}

static void rule01_xsa39_a_producer_that_runs_backwards(void **state)
{
	rig_connect(1, 4);
	*word(&rig.queue[0].tx, 0) = 0xffffffffu;
	fake_notify_on(0);
	wait_until_broken();
}

static void rule01_xsa39_more_requests_than_the_control_ring_has(void **state)
{
	rig_start();
	run_until(BACK "/state", "2");
	rig_nodes();
	rig_ctrl();
	rig_queues(1, 4);
	front("state", "4");
	run_until(BACK "/state", "4");
	*word(&rig.ctrl, 0) = 200;
	fake_notify_on(FAKE_CHANNELS - 1);
	wait_until_broken();
}

static void rule04_an_extra_of_no_known_type(void **state)
{
	struct netif_extra_info extra = { .type = 200 };

	rig_connect(1, 4);
	rig_slot(&rig.queue[0], RIG_TX_PAGE(0, 0), 0, 100, NETTXF_extra_info);
	rig_extra(&rig.queue[0], &extra);
	rig_kick(&rig.queue[0]);
	wait_until_broken();
	/* What was taken is answered all the same. */
	assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_ERROR);
	closes_and_comes_back();
}

static void rule05_slots_of_more_than_the_packet_has(void **state)
{
	rig_connect(1, 4);
	rig_slot(&rig.queue[0], RIG_TX_PAGE(0, 0), 0, 100, NETTXF_more_data);
	rig_slot(&rig.queue[0], RIG_TX_PAGE(0, 1), 0, 200, 0);
	rig_kick(&rig.queue[0]);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_ERROR);
	assert_int_equal(port_fake_sent(), 0);
	expect_node("error", NULL);
	assert_int_equal(rig_counter(METRICS_NET_TX_BAD), 1);
}

static void rule06_a_slot_beyond_its_page(void **state)
{
	rig_connect(1, 4);
	rig_slot(&rig.queue[0], RIG_TX_PAGE(0, 0), 4000, 100, 0);
	rig_kick(&rig.queue[0]);
	wait_until_broken();
}

static void rule07_shorter_than_an_ethernet_header(void **state)
{
	rig_connect(1, 4);
	rig_fill(bytes, 13, 0);
	rig_send(&rig.queue[0], NULL, bytes, 13);
	rig_kick(&rig.queue[0]);
	assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_ERROR);
	assert_int_equal(port_fake_sent(), 0);
}

static void chain(unsigned slots)
{
	for (unsigned i = 0; i < slots; i++)
		rig_slot(&rig.queue[0], 1, 0, i == 0 ? 100 * slots : 100,
			i + 1 < slots ? NETTXF_more_data : 0);
	rig_kick(&rig.queue[0]);
}

static void rule08_xsa39_nineteen_slots_are_dropped(void **state)
{
	rig_connect(1, 4);
	chain(19);
	for (unsigned i = 0; i < 19; i++)
		assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_DROPPED);
	expect_node("error", NULL);
}

static void rule08_xsa39_twenty_one_slots_are_fatal(void **state)
{
	rig_connect(1, 4);
	chain(21);
	wait_until_broken();
}

/* XSA-448, CVE-2023-46838. */
static void rule09_empty_slots(void **state)
{
	struct rig_queue *q = &rig.queue[0];
	struct frame f;

	rig_connect(1, 4);
	rig_fill(bytes, 60, 5);
	rig_send(q, NULL, bytes, 60);
	rig_kick(q); /* its page is there now: sent again below, between empty slots */
	assert_int_equal(rig_response(q).status, NETIF_RSP_OKAY);
	assert_true(port_fake_get(&f, got, 1000));
	rig_slot(q, RIG_TX_PAGE(0, 0), 0, 60, NETTXF_more_data);
	rig_slot(q, FAKE_GRANTS + 9, 0, 0, NETTXF_more_data); /* no page at all */
	rig_slot(q, RIG_TX_PAGE(0, 0), 0, 60, 0);
	rig_kick(q);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rig_response(q).status, NETIF_RSP_OKAY);
	assert_true(port_fake_get(&f, got, 1000));
	assert_int_equal(f.len, 60);
	assert_memory_equal(got, bytes, 60);
}

/* XSA-423, XSA-432: headers in tiny slots are in one piece before anybody looks at them. */
static void rule10_rule11_a_packet_in_eighteen_tiny_slots(void **state)
{
	struct rig_queue *q = &rig.queue[0];
	struct frame f;

	rig_connect(1, 4);
	rig_fill(bytes, 90, 7);
	rig_send(q, NULL, bytes, 90);
	rig_kick(q);
	assert_int_equal(rig_response(q).status, NETIF_RSP_OKAY);
	assert_true(port_fake_get(&f, got, 1000));
	for (unsigned i = 0; i < 18; i++)
		rig_slot(q, RIG_TX_PAGE(0, 0), i * 5, i == 0 ? 90 : 5, i < 17 ? NETTXF_more_data : 0);
	rig_kick(q);
	for (unsigned i = 0; i < 18; i++)
		assert_int_equal(rig_response(q).status, NETIF_RSP_OKAY);
	assert_true(port_fake_get(&f, got, 1000));
	assert_int_equal(f.len, 90);
	assert_memory_equal(got, bytes, 90);
}

/* XSA-362, 367. */
static void rule12_pages_that_are_not_granted(void **state)
{
	struct rig_queue *q = &rig.queue[0];
	struct frame f;

	rig_connect(1, 4);
	rig_fill(bytes, 100, 0);
	rig_slot(q, FAKE_GRANTS - 1, 0, 100, 0);
	rig_send(q, NULL, bytes, 100);
	rig_kick(q);
	assert_int_equal(rig_response(q).status, NETIF_RSP_ERROR);
	assert_int_equal(rig_response(q).status, NETIF_RSP_OKAY);
	assert_true(port_fake_get(&f, got, 1000));
	assert_int_equal(port_fake_sent(), 0);
	assert_int_equal(rig_counter(METRICS_NET_TX_ERRORS), 1);
}

static void rule12_a_buffer_that_is_read_only(void **state)
{
	struct rig_queue *q = &rig.queue[0];
	struct netif_rx_request req = { .id = 0, .gref = 2000 };

	rig_connect(1, 0);
	fake_grant(2000, true);
	ring_front_put(&q->rx, &req, sizeof(req));
	q->rx_given = 1;
	rig_buffers(q, 3);
	rig_fill(bytes, 100, 1);
	rig_put(0, bytes, 100);
	rig_put(0, bytes, 100);
	/* The first comes as an error, which the rig skips; the second is whole. */
	assert_int_equal(rig_receive(q, NULL, got, 10000), 100);
	assert_memory_equal(got, bytes, 100);
	assert_int_equal(q->rx.rsp_cons, 2);
	assert_int_equal(rig_counter(METRICS_NET_RX_ERRORS), 1);
}

/* XSA-374: one queue's mistake ends the I/O of all, and no ring goes away under the guest. */
static void rule13_xsa374_all_queues_stop_and_all_stays_mapped(void **state)
{
	struct frame f;

	rig_connect(4, 4);
	*word(&rig.queue[2].tx, 0) = 999;
	fake_notify_on(2);
	wait_until_broken();
	assert_int_equal(fake_counts().mapped, 8);
	assert_int_equal(fake_counts().bound, 4);
	rig_fill(bytes, 100, 1);
	rig_send(&rig.queue[0], NULL, bytes, 100);
	rig_kick(&rig.queue[0]);
	assert_false(port_fake_get(&f, got, 500)); /* as long as anybody could take for it */
	assert_int_equal(ring_front_pending(&rig.queue[0].tx), 0);
	closes_and_comes_back();
}

/* XSA-392: three buffers are none for a frame that needs four; the fourth is told of. */
static void rule15_xsa392_as_many_buffers_as_it_needs(void **state)
{
	struct rig_queue *q = &rig.queue[0];

	rig_connect(1, 3);
	rig_fill(bytes, 4 * 4096, 1);
	rig_put(0, bytes, 4 * 4096);
	while (port_fake_waiting())
		settle();
	settle();
	assert_int_equal(ring_front_pending(&q->rx), 0);
	rig_buffers(q, 1);
	assert_int_equal(rig_receive(q, NULL, got, 10000), 4 * 4096);
	assert_memory_equal(got, bytes, 4 * 4096);
}

/* XSA-392, CVE-2021-28715: of a guest that takes nothing only so much is kept. */
static void rule15_xsa392_what_waits_is_bounded_in_bytes(void **state)
{
	rig_connect(1, 0);
	rig_fill(bytes, 16384, 1);
	for (unsigned i = 0; i < 200; i++)
		rig_put(0, bytes, 16384);
	for (unsigned i = 0; i < 20; i++)
		settle();
	assert_in_range(port_fake_waiting(), 200 - (512u << 10) / 16384 - 1, 200);
}

static void rule16_xsa270_a_mapping_beyond_the_queues(void **state)
{
	struct xen_netif_ctrl_response rsp;
	uint32_t *page;

	rig_start();
	run_until(BACK "/state", "2");
	rig_nodes();
	rig_ctrl();
	rig_queues(2, 4);
	front("state", "4");
	run_until(BACK "/state", "4");
	page = fake_grant(RIG_PAGE, false);
	assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0).status, 0);
	assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 129, 0, 0).status,
		XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
	assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 4, 0, 0).status, 0);
	page[1] = 2;
	rsp = rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, RIG_PAGE, 2, 0);
	assert_int_equal(rsp.status, XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
	page[1] = 1;
	rsp = rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, RIG_PAGE, 2, 0);
	assert_int_equal(rsp.status, XEN_NETIF_CTRL_STATUS_SUCCESS);
	rsp = rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, RIG_PAGE, 2, 3);
	assert_int_not_equal(rsp.status, XEN_NETIF_CTRL_STATUS_SUCCESS);
	assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, RIG_PAGE, 41, 0).status,
		XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW);
	assert_int_equal(rig_ask(4711, 0, 0, 0).status, XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED);
}

/* Nothing is made up from what the guest says of a frame that is not what it says. */
static void rule17_a_checksum_of_no_transport(void **state)
{
	struct netif_rx_meta meta = { .csum_blank = true };

	rig_connect(1, 4);
	rig_fill(bytes, 100, 1);
	rig_send(&rig.queue[0], &meta, bytes, 100);
	rig_kick(&rig.queue[0]);
	assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_ERROR);
	assert_int_equal(port_fake_sent(), 0);
	assert_int_equal(rig_counter(METRICS_NET_TX_BAD), 1);
}

static void rule18_queues_that_were_not_offered(void **state)
{
	rig.max_queues = 2;
	rig_start();
	run_until(BACK "/state", "2");
	rig_nodes();
	rig_queues(4, 4);
	front("state", "4");
	run_until(BACK "/state", "5");
	expect_error("multi-queue-num-queues");
	assert_int_equal(fake_counts().mapped, 0);
}

static void rule18_a_ring_that_is_not_granted(void **state)
{
	rig_start();
	run_until(BACK "/state", "2");
	rig_nodes();
	rig_queues(1, 4);
	frontf("rx-ring-ref", 1999);
	front("state", "4");
	run_until(BACK "/state", "5");
	expect_error("receive ring");
	assert_int_equal(fake_counts().mapped, 0);
	assert_int_equal(fake_counts().bound, 0);
}

static void rule18_copying_that_is_not_asked_for(void **state)
{
	rig_start();
	run_until(BACK "/state", "2");
	rig_nodes();
	front("request-rx-copy", "0");
	rig_queues(1, 4);
	front("state", "4");
	run_until(BACK "/state", "5");
	expect_error("request-rx-copy");
}

static int16_t join(bool add, unsigned group)
{
	struct netif_extra_info extra = { .type = add ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD :
							XEN_NETIF_EXTRA_TYPE_MCAST_DEL };
	uint8_t addr[6] = { 0x33, 0x33, 0, 0, (uint8_t)(group >> 8), (uint8_t)group };
	struct rig_queue *q = &rig.queue[0];
	int16_t status;

	memcpy(extra.u.mcast.addr, addr, 6);
	rig_slot(q, 0, 0, 60, NETTXF_extra_info);
	rig_extra(q, &extra);
	rig_kick(q);
	status = rig_response(q).status;
	assert_int_equal(rig_response(q).status, NETIF_RSP_NULL); /* the extra's */
	return status;
}

static void rule19_sixty_four_groups(void **state)
{
	rig_connect(1, 4);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(join(true, i), NETIF_RSP_OKAY);
	assert_int_equal(join(true, 64), NETIF_RSP_ERROR);
	assert_int_equal(join(true, 63), NETIF_RSP_OKAY); /* again is as once */
	assert_int_equal(join(false, 5), NETIF_RSP_OKAY);
	assert_int_equal(join(true, 64), NETIF_RSP_OKAY);
	assert_int_equal(port_fake_sent(), 0);
}

/* XSA-391, XSA-332: a guest that makes events without work gets none. */
static void rule20_xsa391_no_event_without_progress(void **state)
{
	const struct timespec pause = { .tv_nsec = 300000 };
	unsigned before;

	rig_connect(1, 4);
	settle();
	before = fake_counts().notifies;
	for (unsigned i = 0; i < 200; i++) {
		fake_notify_on(0);
		nanosleep(&pause, NULL);
	}
	assert_int_equal(fake_counts().notifies, before);
}

/* The loop has its turn after a ring of them, and the guest is heard all the same. */
static void a_whole_control_ring_at_once(void **state)
{
	struct xen_netif_ctrl_request req = { .type = XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE };
	struct xen_netif_ctrl_response rsp;

	rig_ctrl();
	rig_connect(1, 4);
	for (unsigned i = 0; i < rig.ctrl.nr; i++)
		ring_front_put(&rig.ctrl, &req, sizeof(req));
	assert_true(ring_front_push(&rig.ctrl));
	fake_notify_on(FAKE_CHANNELS - 1);
	settle();
	assert_int_equal(ring_front_pending(&rig.ctrl), rig.ctrl.nr);
	for (unsigned i = 0; i < rig.ctrl.nr; i++)
		ring_front_get(&rig.ctrl, &rsp, sizeof(rsp));
	rsp = rig_ask(XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, 0, 0, 0);
	assert_int_equal(rsp.data, NETIF_HASH_MAPPING_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		TEST(rule01_xsa39_more_requests_than_the_transmit_ring_has),
		TEST(rule01_xsa39_more_buffers_than_the_receive_ring_has),
		TEST(rule01_xsa39_a_producer_that_runs_backwards),
		TEST(rule01_xsa39_more_requests_than_the_control_ring_has),
		TEST(a_whole_control_ring_at_once),
		TEST(rule04_an_extra_of_no_known_type),
		TEST(rule05_slots_of_more_than_the_packet_has),
		TEST(rule06_a_slot_beyond_its_page),
		TEST(rule07_shorter_than_an_ethernet_header),
		TEST(rule08_xsa39_nineteen_slots_are_dropped),
		TEST(rule08_xsa39_twenty_one_slots_are_fatal),
		TEST(rule09_empty_slots),
		TEST(rule10_rule11_a_packet_in_eighteen_tiny_slots),
		TEST(rule12_pages_that_are_not_granted),
		TEST(rule12_a_buffer_that_is_read_only),
		TEST(rule13_xsa374_all_queues_stop_and_all_stays_mapped),
		TEST(rule15_xsa392_as_many_buffers_as_it_needs),
		TEST(rule15_xsa392_what_waits_is_bounded_in_bytes),
		TEST(rule16_xsa270_a_mapping_beyond_the_queues),
		TEST(rule17_a_checksum_of_no_transport),
		TEST(rule18_queues_that_were_not_offered),
		TEST(rule18_a_ring_that_is_not_granted),
		TEST(rule18_copying_that_is_not_asked_for),
		TEST(rule19_sixty_four_groups),
		TEST(rule20_xsa391_no_event_without_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

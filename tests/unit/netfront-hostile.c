// SPDX-License-Identifier: MIT
/*
 * A backend that breaks the rings' rules (rule 21 of the network's): the device ends with -EIO,
 * and nothing else happens; packets that merely failed are lost.
 */
#include "config.h"
#include "tests/unit/netfront-rig.h"

#include <errno.h>
#include <string.h>

static struct netfront *nf;
static struct netfront_queue *q;

static void start(void)
{
	nf = rig_open((struct netfront_config){ 0 });
	assert_non_null(nf);
	q = netfront_queue(nf, 0);
	rig.serve = false;
}

/* One packet of two slots is on its way. */
static void start_sending(void)
{
	static uint8_t data[5000];
	struct netif_rx_meta meta = { .size = sizeof(data) };
	struct iovec iov = { data, sizeof(data) };

	start();
	assert_int_equal(netfront_queue_send(q, &iov, 1, &meta), 0);
	assert_int_equal(netfront_queue_kick(q), 0);
	assert_true(rig_take());
}

static void assert_broken(const char *word)
{
	struct netif_rx_meta meta = { .size = 60 };
	struct iovec iov = { &meta, 0 };
	struct netfront_rx rx;

	assert_non_null(strstr(netfront_why(nf), word));
	assert_int_equal(netfront_queue_wait(q, NETFRONT_RX | NETFRONT_TX, -1), -EIO);
	assert_int_equal(netfront_queue_recv(q, &rx, 1), -EIO);
	assert_int_equal(netfront_queue_send(q, &iov, 1, &meta), -EIO);
	assert_int_equal(netfront_queue_kick(q), -EIO);
	netfront_close(nf);
}

static void test_rule21_sent_unknown_id(void **state)
{
	start_sending();
	rig_tx_answer(9999, NETIF_RSP_OKAY);
	assert_int_equal(netfront_queue_poll(q, NETFRONT_TX), -EIO);
	assert_broken("not sent");
}

static void test_rule21_sent_id_not_in_flight(void **state)
{
	start_sending();
	rig_tx_answer(200, NETIF_RSP_OKAY);
	assert_int_equal(netfront_queue_poll(q, NETFRONT_TX), -EIO);
	assert_broken("not sent");
}

static void test_rule21_sent_answered_twice(void **state)
{
	start_sending();
	rig_tx_answer(rig.last.answer[0].id, NETIF_RSP_OKAY);
	rig_tx_answer(rig.last.answer[0].id, NETIF_RSP_OKAY);
	assert_int_equal(netfront_queue_poll(q, NETFRONT_TX), -EIO);
	assert_broken("not sent");
}

static void test_rule21_extra_that_was_not_sent(void **state)
{
	start_sending();
	rig_tx_answer(0, NETIF_RSP_NULL);
	assert_int_equal(netfront_queue_poll(q, NETFRONT_TX), -EIO);
	assert_broken("extra");
}

static void set_rsp_prod(void *page, uint32_t value)
{
	((volatile uint32_t *)page)[2] = value;
	fake_event();
}

static void test_rule21_sent_producer_overflow(void **state)
{
	start_sending();
	set_rsp_prod(rig.tx_page, 3);
	assert_int_equal(netfront_queue_poll(q, NETFRONT_TX), -EIO);
	assert_broken("more packets than were sent");
}

static void test_rule21_received_producer_overflow(void **state)
{
	struct netfront_rx rx;

	start();
	set_rsp_prod(rig.rx_page, 257);
	assert_int_equal(netfront_queue_recv(q, &rx, 1), -EIO);
	assert_broken("more buffers");
}

static void test_rule21_received_producer_backwards(void **state)
{
	struct netfront_rx rx;

	start();
	set_rsp_prod(rig.rx_page, -1);
	assert_int_equal(netfront_queue_recv(q, &rx, 1), -EIO);
	assert_broken("more buffers");
}

/* One response, to the next buffer; 0: its own id. */
static void answer(int id_plus, uint16_t offset, uint16_t flags, int16_t status)
{
	int id = rig_rx_next();
	struct netif_rx_response rsp = { .id = id + id_plus, .offset = offset, .flags = flags,
		.status = status };

	assert_true(id >= 0);
	rig_rx_answer(&rsp);
}

static void answer_extra(uint8_t type, uint8_t flags, uint8_t gso_type, uint16_t gso_size)
{
	struct netif_extra_info extra = { .type = type, .flags = flags };

	extra.u.gso.type = gso_type;
	extra.u.gso.size = gso_size;
	assert_true(rig_rx_next() >= 0);
	rig_rx_answer(&extra);
}

static void assert_recv_breaks(const char *word)
{
	struct netfront_rx rx;

	assert_int_equal(netfront_queue_recv(q, &rx, 1), -EIO);
	assert_broken(word);
}

static void test_rule21_received_for_another_buffer(void **state)
{
	start();
	answer(1, 0, 0, 100);
	assert_recv_breaks("another buffer");
}

static void test_rule21_received_more_than_a_page(void **state)
{
	start();
	answer(0, 0, 0, 4097);
	assert_recv_breaks("longer than its page");
}

static void test_rule21_received_beyond_the_page(void **state)
{
	start();
	answer(0, 4000, 0, 97);
	assert_recv_breaks("longer than its page");
}

static void test_rule21_received_offset_beyond_the_page(void **state)
{
	start();
	answer(0, 0xffff, 0, 0);
	assert_recv_breaks("longer than its page");
}

static void test_rule21_received_too_many_slots(void **state)
{
	struct netfront_rx rx;

	start();
	for (unsigned i = 0; i < 18; i++)
		answer(0, 0, NETRXF_more_data, 0);
	assert_int_equal(netfront_queue_recv(q, &rx, 1), 0);
	answer(0, 0, 0, 100);
	assert_recv_breaks("more slots");
}

static void test_rule21_received_unknown_extra(void **state)
{
	static const uint8_t types[] = { 0, 2, 3, 6, 255 };

	for (unsigned i = 0; i < sizeof(types); i++) {
		start();
		answer(0, 0, NETRXF_extra_info, 100);
		answer_extra(types[i], 0, 1, 1000);
		assert_recv_breaks("extra segment");
		rig_teardown(NULL);
		rig_setup(NULL);
	}
}

static void test_rule21_received_extras_without_end(void **state)
{
	start();
	answer(0, 0, NETRXF_extra_info, 100);
	for (unsigned i = 0; i < 6; i++)
		answer_extra(XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE, 1, 1000);
	assert_recv_breaks("extra segment");
}

static void test_rule21_received_gso_of_nothing(void **state)
{
	start();
	answer(0, 0, NETRXF_extra_info | NETRXF_csum_blank, 100);
	answer_extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4, 0);
	assert_recv_breaks("extra segment");
}

static void test_rule21_received_gso_of_no_kind(void **state)
{
	start();
	answer(0, 0, NETRXF_extra_info | NETRXF_csum_blank, 100);
	answer_extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, 3, 1000);
	assert_recv_breaks("extra segment");
}

/* Lost, and the next one is fine; no buffer is lost with it. */
static void assert_dropped(void)
{
	struct netfront_rx rx;

	assert_int_equal(netfront_queue_recv(q, &rx, 1), 0);
	assert_int_equal(netfront_queue_stats(q)->rx_dropped, 1);
	answer(0, 0, 0, 100);
	assert_int_equal(netfront_queue_recv(q, &rx, 1), 1);
	assert_int_equal(rx.meta.size, 100);
	netfront_queue_done(q, &rx, 1);
	/* All buffers are with the backend again. */
	assert_int_equal(netfront_queue_wait(q, NETFRONT_RX, 0), 0);
	for (unsigned i = 0; i < 256; i++)
		assert_true(rig_rx_next() >= 0);
	assert_int_equal(rig_rx_next(), -1);
	netfront_close(nf);
}

static void test_failed_packet_is_dropped(void **state)
{
	start();
	answer(0, 0, NETRXF_more_data, NETIF_RSP_ERROR);
	answer(0, 0, 0, 50);
	assert_dropped();
}

static void test_empty_packet_is_dropped(void **state)
{
	start();
	answer(0, 0, 0, 0);
	assert_dropped();
}

static void test_gso_that_we_do_not_take_is_dropped(void **state)
{
	nf = rig_open((struct netfront_config){ .no_gso = true });
	q = netfront_queue(nf, 0);
	rig.serve = false;
	answer(0, 0, NETRXF_extra_info | NETRXF_csum_blank, 100);
	answer_extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4, 1000);
	assert_dropped();
}

/* Responses may come in two parts: the packet is complete with the second. */
static void test_packet_in_two_parts(void **state)
{
	struct netfront_rx rx;

	start();
	answer(0, 0, NETRXF_more_data, 4096);
	assert_int_equal(netfront_queue_recv(q, &rx, 1), 0);
	answer(0, 0, 0, 904);
	assert_int_equal(netfront_queue_recv(q, &rx, 1), 1);
	assert_int_equal(rx.meta.size, 5000);
	assert_int_equal(rx.npieces, 2);
	netfront_queue_done(q, &rx, 1);
	netfront_close(nf);
}

/* What was lent before a reconnection is not given back into the new rings. */
static void test_buffers_of_before_a_reconnection(void **state)
{
	struct netfront_rx rx;
	unsigned n = 0;

	start();
	answer(0, 0, 0, 100);
	assert_int_equal(netfront_queue_recv(q, &rx, 1), 1);
	assert_int_equal(netfront_reconnect(nf), 0);
	q = netfront_queue(nf, 0);
	netfront_queue_done(q, &rx, 1);
	netfront_queue_done(q, &rx, 1);
	/* Two that are lent now leave room in the ring, which nothing may fill. */
	for (unsigned i = 0; i < 2; i++) {
		answer(0, 0, 0, 100);
		assert_int_equal(netfront_queue_recv(q, &rx, 1), 1);
	}
	assert_int_equal(netfront_queue_wait(q, NETFRONT_RX, 0), 0);
	while (rig_rx_next() >= 0)
		n++;
	assert_int_equal(n, 254);
	netfront_close(nf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rule21_sent_unknown_id),
		TEST(test_rule21_sent_id_not_in_flight),
		TEST(test_rule21_sent_answered_twice),
		TEST(test_rule21_extra_that_was_not_sent),
		TEST(test_rule21_sent_producer_overflow),
		TEST(test_rule21_received_producer_overflow),
		TEST(test_rule21_received_producer_backwards),
		TEST(test_rule21_received_for_another_buffer),
		TEST(test_rule21_received_more_than_a_page),
		TEST(test_rule21_received_beyond_the_page),
		TEST(test_rule21_received_offset_beyond_the_page),
		TEST(test_rule21_received_too_many_slots),
		TEST(test_rule21_received_unknown_extra),
		TEST(test_rule21_received_extras_without_end),
		TEST(test_rule21_received_gso_of_nothing),
		TEST(test_rule21_received_gso_of_no_kind),
		TEST(test_failed_packet_is_dropped),
		TEST(test_empty_packet_is_dropped),
		TEST(test_gso_that_we_do_not_take_is_dropped),
		TEST(test_packet_in_two_parts),
		TEST(test_buffers_of_before_a_reconnection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

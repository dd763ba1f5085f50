// SPDX-License-Identifier: MIT
/*
 * What an interface does beside moving packets: offloads that one side lacks, hashing, the
 * multicast filter, room for XDP programs, rates, and guests that give no buffers.
 */
#include "config.h"
#include "tests/unit/net-rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/common/metrics-page.h"
#include "common/spin.h"
#include "tests/peers/fake-xen.h"
#include "tests/unit/net-frames.h"

static uint8_t bytes[FRAME_MAX + 1], got[FRAME_MAX + 4096];
static const struct shape tcp4 = { .version = 4, .tcp_words = 5, .payload = 8000, .flags = 0x10 };
static const struct shape udp6 = { .version = 6, .payload = 500 };

static void send_ok(const struct netif_rx_meta *meta, const struct frame *f)
{
	unsigned slots = 1 + (f->len - 1) / 4096 + (meta && meta->gso != NETIF_GSO_NONE);

	rig_send(&rig.queue[0], meta, f->data, f->len);
	rig_kick(&rig.queue[0]);
	for (unsigned i = 0; i < slots; i++)
		assert_true(rig_response(&rig.queue[0]).status >= NETIF_RSP_OKAY);
}

/* --- offloads ------------------------------------------------------------------------------- */

static void offloads_pass_where_the_port_takes_them(void **state)
{
	struct netif_rx_meta meta = { .csum_blank = true, .gso = NETIF_GSO_TCPV4, .gso_size = 1448 };
	struct frame *f = make(&tcp4), out;

	rig_connect(1, 4);
	seal_ip();
	send_ok(&meta, f);
	assert_true(port_fake_get(&out, got, 1000));
	assert_int_equal(out.len, f->len);
	assert_true(out.csum_blank);
	assert_int_equal(out.gso, NETIF_GSO_TCPV4);
	assert_int_equal(out.gso_size, 1448);
	assert_int_equal(out.csum_start, made.transport);
	assert_int_equal(out.csum_offset, 16);
	assert_int_equal(out.headers, made.payload);
}

static void a_port_without_checksums(void **state)
{
	struct netif_rx_meta meta = { .csum_blank = true };
	struct frame *f = make(&udp6), out;

	port_fake.offers = (struct frame_offload){ .max_len = 1514 };
	rig_connect(1, 4);
	send_ok(&meta, f);
	assert_true(port_fake_get(&out, got, 1000));
	assert_int_equal(out.len, f->len);
	assert_false(out.csum_blank);
	assert_true(is_right(&out, made.network, made.transport, false));
	assert_int_equal(rig_counter(METRICS_NET_CHECKSUMMED), 1);
}

static void a_port_without_segmentation(void **state)
{
	struct netif_rx_meta meta = { .csum_blank = true, .gso = NETIF_GSO_TCPV4, .gso_size = 1448 };
	struct frame *f = make(&tcp4), out;
	uint32_t payload = 0;

	port_fake.offers = (struct frame_offload){ .csum_ipv4 = true, .max_len = 1514 };
	rig_connect(1, 4);
	seal_ip();
	send_ok(&meta, f);
	while (port_fake_get(&out, got, payload == tcp4.payload ? 0 : 1000)) {
		assert_in_range(out.len, made.payload + 1, 1514);
		assert_true(is_right(&out, made.network, made.transport, true));
		assert_memory_equal(got + made.payload, made.bytes + made.payload + payload,
			out.len - made.payload);
		payload += out.len - made.payload;
	}
	assert_int_equal(payload, tcp4.payload);
	assert_int_equal(rig_counter(METRICS_NET_SEGMENTED), 1);
}

/* As the port gives it: with the offsets that offload_parse() fills in. */
static void put_gso(const struct shape *s)
{
	struct frame *f = make(s);

	seal_ip();
	f->gso = s->version == 4 ? NETIF_GSO_TCPV4 : NETIF_GSO_TCPV6;
	f->gso_size = 1448;
	f->csum_start = made.transport;
	f->csum_offset = 16;
	f->headers = made.payload;
	port_fake_put(0, f);
}

static void a_guest_that_takes_segmentation(void **state)
{
	struct netif_rx_meta meta;

	rig_connect(1, 16);
	assert_true(port_fake.guest.tso4 && port_fake.guest.csum_ipv6);
	put_gso(&tcp4);
	assert_int_equal(rig_receive(&rig.queue[0], &meta, got, 10000), made.frame.len);
	assert_int_equal(meta.gso, NETIF_GSO_TCPV4);
	assert_int_equal(meta.gso_size, 1448);
	assert_true(meta.csum_blank);
	assert_memory_equal(got + made.payload, made.bytes + made.payload, tcp4.payload);
}

/* An old guest: no scatter-gather, no segmentation, no blank checksums. */
static void a_guest_that_takes_nothing(void **state)
{
	uint32_t payload = 0;

	rig_start();
	run_until(BACK "/state", "2");
	front("request-rx-copy", "1");
	front("feature-rx-notify", "1");
	front("feature-no-csum-offload", "1");
	rig_queues(1, 64);
	front("state", "4");
	run_until(BACK "/state", "4");
	assert_false(port_fake.guest.tso4 || port_fake.guest.csum_ipv4);
	put_gso(&tcp4);
	while (payload < tcp4.payload) {
		struct netif_rx_meta meta;
		int len = rig_receive(&rig.queue[0], &meta, got, 10000);
		struct frame f = { .data = got, .len = len };

		assert_in_range(len, made.payload + 1, 4096);
		assert_false(meta.csum_blank || meta.gso);
		assert_true(is_right(&f, made.network, made.transport, true));
		assert_memory_equal(got + made.payload, made.bytes + made.payload + payload,
			len - made.payload);
		payload += len - made.payload;
	}
	assert_int_equal(payload, tcp4.payload);
	/* Longer than it can take, and not to be cut: it is dropped. */
	rig_fill(bytes, 5000, 1);
	rig_put(0, bytes, 5000);
	rig_fill(bytes, 100, 2);
	rig_put(0, bytes, 100);
	assert_int_equal(rig_receive(&rig.queue[0], NULL, got, 10000), 100);
	assert_int_equal(rig_counter(METRICS_NET_RX_BAD), 1);
}

/* Of a frame with large segments each would be longer than a page, which takes scatter-gather. */
static void segments_that_the_guest_cannot_take(void **state)
{
	struct frame *f;

	rig_start();
	run_until(BACK "/state", "2");
	front("request-rx-copy", "1");
	front("feature-rx-notify", "1");
	rig_queues(1, 16);
	front("state", "4");
	run_until(BACK "/state", "4");
	f = make(&tcp4);
	seal_ip();
	f->gso = NETIF_GSO_TCPV4;
	f->gso_size = 5000;
	f->csum_start = made.transport;
	f->csum_offset = 16;
	f->headers = made.payload;
	port_fake_put(0, f);
	/* The last one is short enough, and comes alone. */
	assert_int_equal(rig_receive(&rig.queue[0], NULL, got, 10000), made.payload + 3000);
	assert_int_equal(rig_counter(METRICS_NET_RX_BAD), 1);
}

/* --- what the port does not take ------------------------------------------------------------- */

static void what_the_port_does_not_take_is_dropped(void **state)
{
	struct frame f = { .data = bytes, .len = 100 };

	port_fake.takes = 2;
	rig_connect(1, 4);
	rig_fill(bytes, 100, 0);
	for (unsigned i = 0; i < 5; i++)
		rig_send(&rig.queue[0], NULL, f.data, f.len);
	rig_kick(&rig.queue[0]);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_OKAY);
	assert_int_equal(port_fake_sent(), 2);
	assert_int_equal(rig_counter(METRICS_NET_TX_PACKETS), 2);
	assert_int_equal(rig_counter(METRICS_NET_TX_BYTES), 200);
	assert_int_equal(rig_counter(METRICS_NET_TX_DROPPED), 3);
}

static void a_port_that_is_gone_is_said(void **state)
{
	rig_connect(2, 4);
	port_fake.error = -77;
	fake_notify_on(0);
	run_until(BACK "/carrier", "0");
	expect_error("the port is gone");
}

/* --- hashing ---------------------------------------------------------------------------------- */

static void connect_with_ctrl(unsigned queues)
{
	rig_start();
	run_until(BACK "/state", "2");
	rig_nodes();
	rig_ctrl();
	rig_queues(queues, 8);
	front("state", "4");
	run_until(BACK "/state", "4");
}

static void frames_go_where_their_hash_says(void **state)
{
	struct shape s = { .version = 4, .tcp_words = 5, .payload = 20 };
	uint8_t *page;
	uint32_t *mapping;

	connect_with_ctrl(3);
	page = fake_grant(RIG_PAGE, false);
	assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0).status, 0);
	assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0).status, 0);
	for (unsigned i = 0; i < 40; i++)
		page[i] = (uint8_t)(i * 37 + 11);
	assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, RIG_PAGE, 40, 0).status, 0);
	assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 1, 0, 0).status, 0);
	mapping = (uint32_t *)(void *)page;
	/* All to one queue, each in turn: received by queue 0's thread. */
	for (unsigned to = 0; to < 3; to++) {
		struct netif_rx_meta meta;
		struct frame *f = make(&s);

		mapping[0] = to;
		assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, RIG_PAGE, 1, 0).status, 0);
		seal_ip();
		f->csum_blank = false;
		port_fake_put(0, f);
		assert_int_equal(rig_receive(&rig.queue[to], &meta, got, 10000), f->len);
		assert_int_equal(meta.hash_type, NETIF_HASH_IPV4_TCP);
	}
	assert_int_equal(rig_counter(METRICS_NET_STEERED), 2);
	/* Without an algorithm each queue's own. */
	assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 0, 0, 0).status, 0);
	rig_fill(bytes, 100, 1);
	rig_put(1, bytes, 100);
	assert_int_equal(rig_receive(&rig.queue[1], NULL, got, 10000), 100);
}

/* One queue's thread hands frames to another's while the device is taken apart. */
static void queues_end_together(void **state)
{
	struct shape s = { .version = 4, .tcp_words = 5, .payload = 1000 };

	for (unsigned round = 0; round < 30; round++) {
		struct frame *f = make(&s);
		uint8_t *page;

		connect_with_ctrl(3);
		page = fake_grant(RIG_PAGE, false);
		memset(page, 0, 4);
		assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0).status, 0);
		assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0).status, 0);
		assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 1, 0, 0).status, 0);
		assert_int_equal(rig_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, RIG_PAGE, 1, 0).status, 0);
		seal_ip();
		f->csum_blank = false;
		for (unsigned i = 0; i < 200; i++)
			port_fake_put(2, f);
		rig_teardown(state);
		rig_setup(state);
	}
}

/* --- groups ----------------------------------------------------------------------------------- */

static void put_group(unsigned last)
{
	static const uint8_t group[5] = { 0x01, 0x00, 0x5e, 0, 0 };

	rig_fill(bytes, 100, last);
	memcpy(bytes, group, 5);
	bytes[5] = (uint8_t)last;
	rig_put(0, bytes, 100);
}

static void expect_group(unsigned last)
{
	assert_int_equal(rig_receive(&rig.queue[0], NULL, got, 10000), 100);
	assert_int_equal(got[5], last);
}

static void change_group(unsigned type, unsigned last)
{
	struct netif_extra_info extra = { .type = (uint8_t)type };
	const uint8_t addr[6] = { 0x01, 0x00, 0x5e, 0, 0, (uint8_t)last };

	memcpy(extra.u.mcast.addr, addr, 6);
	rig_slot(&rig.queue[0], 0, 0, 60, NETTXF_extra_info);
	rig_extra(&rig.queue[0], &extra);
	rig_kick(&rig.queue[0]);
	assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_OKAY);
	assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_NULL);
}

static void groups_are_filtered_when_the_guest_asks(void **state)
{
	rig_start();
	run_until(BACK "/state", "2");
	rig_nodes();
	front("request-multicast-control", "1");
	rig_queues(1, 16);
	front("state", "4");
	run_until(BACK "/state", "4");
	change_group(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 2);
	put_group(1);
	put_group(2);
	expect_group(2);
	assert_int_equal(rig_counter(METRICS_NET_RX_FILTERED), 1);
	change_group(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 2);
	change_group(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 3);
	put_group(2);
	put_group(3);
	expect_group(3);
}

/* feature-dynamic-multicast-control: the request counts at any time. */
static void the_filter_comes_and_goes_while_connected(void **state)
{
	rig_connect(1, 16);
	put_group(1);
	expect_group(1);
	front("request-multicast-control", "1");
	settle();
	put_group(1);
	change_group(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 2);
	put_group(2);
	expect_group(2);
	front("request-multicast-control", "0");
	settle();
	put_group(1);
	expect_group(1);
}

/* --- XDP ---------------------------------------------------------------------------------------- */

static void room_for_an_xdp_program(void **state)
{
	rig_connect(1, 16);
	front("xdp-headroom", "256");
	front("state", "7");
	run_until(BACK "/state", "8");
	rig_fill(bytes, 3900, 1);
	rig_put(0, bytes, 3900);
	assert_int_equal(rig_receive(&rig.queue[0], NULL, got, 10000), 3900);
	assert_memory_equal(got, bytes, 3900);
	assert_int_equal(rig.rx_offset, 256);
	front("state", "4");
	run_until(BACK "/state", "4");
	front("xdp-headroom", "0");
	front("state", "7");
	run_until(BACK "/state", "8");
	rig_put(0, bytes, 3900);
	assert_int_equal(rig_receive(&rig.queue[0], NULL, got, 10000), 3900);
	assert_int_equal(rig.rx_offset, 0);
}

/* What the headroom leaves of a page is all that a guest without scatter-gather has. */
static void room_for_a_program_and_one_page(void **state)
{
	rig_start();
	run_until(BACK "/state", "2");
	front("request-rx-copy", "1");
	front("feature-rx-notify", "1");
	front("xdp-headroom", "256");
	rig_queues(1, 16);
	front("state", "4");
	run_until(BACK "/state", "4");
	rig_fill(bytes, 3841, 1);
	rig_put(0, bytes, 3841);
	rig_put(0, bytes, 3840);
	assert_int_equal(rig_receive(&rig.queue[0], NULL, got, 10000), 3840);
	assert_int_equal(rig_counter(METRICS_NET_RX_BAD), 1);
}

/* --- rates ---------------------------------------------------------------------------------------- */

/* One bucket, whatever the number of queues: the second queue's packet waits for the first's. */
static void a_rate_is_the_interfaces(void **state)
{
	uint64_t start;

	fake_store_write(BACK "/rate", "10000,1000000");
	rig_connect(2, 8);
	rig_fill(bytes, 9000, 1);
	start = spin_now_ns();
	for (unsigned i = 0; i < 2; i++) {
		rig_send(&rig.queue[i], NULL, bytes, 9000);
		rig_kick(&rig.queue[i]);
		for (unsigned s = 0; s < 3; s++)
			assert_int_equal(rig_response(&rig.queue[i]).status, NETIF_RSP_OKAY);
	}
	/* The bucket is 8000 bytes in debt: nothing more in the next 0.8 s, at either queue. */
	rig_send(&rig.queue[0], NULL, bytes, 100);
	rig_kick(&rig.queue[0]);
	assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_OKAY);
	assert_true(spin_now_ns() - start >= UINT64_C(790000000));
}

static void a_rate_changes_while_packets_wait_for_it(void **state)
{
	fake_store_write(BACK "/rate", "100,1000000");
	rig_connect(1, 8);
	rig_fill(bytes, 9000, 1);
	rig_send(&rig.queue[0], NULL, bytes, 9000);
	rig_kick(&rig.queue[0]);
	for (unsigned s = 0; s < 3; s++)
		rig_response(&rig.queue[0]);
	rig_send(&rig.queue[0], NULL, bytes, 100); /* for a minute and a half */
	rig_kick(&rig.queue[0]);
	settle();
	assert_int_equal(ring_front_pending(&rig.queue[0].tx), 0);
	fake_store_write(BACK "/rate", "");
	settle();
	assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_OKAY);
}

static void what_the_guest_receives_has_a_rate(void **state)
{
	uint64_t start;

	fake_store_write(BACK "/rate-in", "10000,1000000");
	rig_connect(1, 16);
	rig_fill(bytes, 9000, 1);
	start = spin_now_ns();
	for (unsigned i = 0; i < 3; i++)
		rig_put(0, bytes, i < 2 ? 9000 : 100);
	assert_int_equal(rig_receive(&rig.queue[0], NULL, got, 10000), 9000);
	assert_int_equal(rig_receive(&rig.queue[0], NULL, got, 10000), 9000);
	assert_int_equal(rig_receive(&rig.queue[0], NULL, got, 10000), 100);
	assert_true(spin_now_ns() - start >= UINT64_C(790000000));
}

static void what_is_no_rate_changes_nothing(void **state)
{
	struct frame f;

	fake_store_write(BACK "/rate", "much");
	rig_connect(1, 8);
	rig_fill(bytes, 100, 1);
	rig_send(&rig.queue[0], NULL, bytes, 100);
	rig_kick(&rig.queue[0]);
	rig_response(&rig.queue[0]);
	assert_true(port_fake_get(&f, got, 1000));
}

/* --- buffers ---------------------------------------------------------------------------------------- */

/* Without feature-rx-notify the guest says nothing when it gives buffers. */
static void a_guest_that_does_not_tell_of_buffers(void **state)
{
	struct rig_queue *q = &rig.queue[0];
	bool any = false;

	rig.rx_notify = false;
	rig_connect(1, 0);
	rig_buffers(q, 1);
	rig_fill(bytes, 100, 1);
	rig_put(0, bytes, 100);
	assert_int_equal(rig_receive(q, NULL, got, 10000), 100);
	rig_put(0, bytes, 100);
	while (port_fake_waiting())
		settle();
	rig.silent = true; /* no event */
	rig_buffers(q, 1);
	/* Frames are old after 30 ms: one that comes now finds the buffer. */
	for (unsigned i = 0; i < 50 && !any; i++) {
		rig_put(0, bytes, 100);
		any = rig_receive(q, NULL, got, 100) >= 0;
		if (any)
			break;
	}
	assert_true(any);
}

static void old_frames_are_dropped(void **state)
{
	const struct timespec pause = { .tv_nsec = 60000000 };

	rig.rx_notify = false;
	rig_connect(1, 0);
	rig_fill(bytes, 100, 1);
	rig_put(0, bytes, 100);
	for (unsigned i = 0; i < 100 && !rig_counter(METRICS_NET_RX_OLD); i++)
		nanosleep(&pause, NULL);
	assert_int_equal(rig_counter(METRICS_NET_RX_OLD), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		TEST(offloads_pass_where_the_port_takes_them),
		TEST(a_port_without_checksums),
		TEST(a_port_without_segmentation),
		TEST(a_guest_that_takes_segmentation),
		TEST(a_guest_that_takes_nothing),
		TEST(segments_that_the_guest_cannot_take),
		TEST(what_the_port_does_not_take_is_dropped),
		TEST(a_port_that_is_gone_is_said),
		TEST(frames_go_where_their_hash_says),
		TEST(queues_end_together),
		TEST(groups_are_filtered_when_the_guest_asks),
		TEST(the_filter_comes_and_goes_while_connected),
		TEST(room_for_an_xdp_program),
		TEST(room_for_a_program_and_one_page),
		TEST(a_rate_is_the_interfaces),
		TEST(a_rate_changes_while_packets_wait_for_it),
		TEST(what_the_guest_receives_has_a_rate),
		TEST(what_is_no_rate_changes_nothing),
		TEST(a_guest_that_does_not_tell_of_buffers),
		TEST(old_frames_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

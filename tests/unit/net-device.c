// SPDX-License-Identifier: MIT
/*
 * A network interface's life over a store in memory: what it offers, connecting and closing
 * in the orders that frontends have, and packets both ways.
 */
#include "config.h"
#include "tests/unit/net-rig.h"

#include <string.h>
#include <time.h>

#include "backends/common/metrics-page.h"
#include "tests/peers/fake-xen.h"

static uint8_t bytes[FRAME_MAX + 1], got[FRAME_MAX + 4096];

static void publishes_what_frontends_read_before_init_wait(void **state)
{
	rig_start();
	run_until(BACK "/state", "2");
	expect_node("feature-rx-copy", "1");
	expect_node("feature-rx-flip", "0");
	expect_node("feature-sg", "1");
	expect_node("feature-gso-tcpv4", "1");
	expect_node("feature-gso-tcpv6", "1");
	expect_node("feature-ipv6-csum-offload", "1");
	expect_node("feature-split-event-channels", "1");
	expect_node("multi-queue-max-queues", "8");
	expect_node("feature-ctrl-ring", "1");
	expect_node("feature-multicast-control", "1");
	expect_node("feature-dynamic-multicast-control", "1");
	expect_node("feature-xdp-headroom", "1");
}

static void a_packet_goes_out(void **state)
{
	struct netif_tx_response rsp;
	struct frame f;
	uint16_t id;

	rig_connect(1, 16);
	rig_fill(bytes, 1514, 1);
	id = rig_send(&rig.queue[0], NULL, bytes, 1514);
	rig_kick(&rig.queue[0]);
	rsp = rig_response(&rig.queue[0]);
	assert_int_equal(rsp.id, id);
	assert_int_equal(rsp.status, NETIF_RSP_OKAY);
	assert_true(port_fake_get(&f, got, 1000));
	assert_int_equal(f.len, 1514);
	assert_memory_equal(got, bytes, 1514);
}

static void a_packet_comes_in(void **state)
{
	struct netif_rx_meta meta;

	rig_connect(1, 16);
	rig_fill(bytes, 1514, 2);
	rig_put(0, bytes, 1514);
	assert_int_equal(rig_receive(&rig.queue[0], &meta, got, 10000), 1514);
	assert_memory_equal(got, bytes, 1514);
	assert_int_equal(meta.gso, NETIF_GSO_NONE);
	assert_true(fake_wait_event_on(rig.queue[0].rx_channel, 10000));
}

static void largest_packets_in_many_slots(void **state)
{
	struct frame f;

	rig_connect(1, 64);
	rig_fill(bytes, FRAME_MAX, 3);
	rig_send(&rig.queue[0], NULL, bytes, FRAME_MAX);
	rig_kick(&rig.queue[0]);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_OKAY);
	assert_true(port_fake_get(&f, got, 1000));
	assert_int_equal(f.len, FRAME_MAX);
	assert_memory_equal(got, bytes, FRAME_MAX);
	rig_put(0, bytes, FRAME_MAX);
	memset(got, 0, sizeof(got));
	assert_int_equal(rig_receive(&rig.queue[0], NULL, got, 10000), FRAME_MAX);
	assert_memory_equal(got, bytes, FRAME_MAX);
}

/* Every index of the rings several times, both directions at once. */
static void thousands_of_packets(void **state)
{
	struct rig_queue *q = &rig.queue[0];
	struct frame f;

	rig_connect(1, 100);
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t len = 60 + i % 1400;

		rig_fill(bytes, len, i);
		rig_put(0, bytes, len);
		rig_send(q, NULL, bytes, len);
		rig_kick(q);
		assert_int_equal(rig_response(q).status, NETIF_RSP_OKAY);
		assert_true(port_fake_get(&f, got, 1000));
		assert_int_equal(f.len, len);
		assert_memory_equal(got, bytes, len);
		assert_int_equal(rig_receive(q, NULL, got, 10000), (int)len);
		assert_memory_equal(got, bytes, len);
		rig_buffers(q, 1);
	}
	assert_int_equal(rig_counter(METRICS_NET_TX_PACKETS), 3000);
	assert_int_equal(rig_counter(METRICS_NET_RX_PACKETS), 3000);
}

static void a_batch_is_one_copy_one_send_one_event(void **state)
{
	struct rig_queue *q = &rig.queue[0];
	struct fake_counts before;

	rig_connect(1, 0);
	rig_fill(bytes, 100, 0);
	before = fake_counts();
	for (unsigned i = 0; i < 60; i++)
		rig_send(q, NULL, bytes, 100);
	rig_kick(q);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(rig_response(q).status, NETIF_RSP_OKAY);
	assert_true(fake_wait_event_on(q->tx_channel, 10000));
	assert_int_equal(fake_counts().copy_calls - before.copy_calls, 1);
	assert_int_equal(fake_counts().copy_ops - before.copy_ops, 60);
	assert_int_equal(fake_counts().notifies - before.notifies, 1);
	assert_int_equal(port_fake.sends, 1);
}

/* To ask is a system call: the poll that follows says as well that nothing came. */
static void a_port_that_had_nothing_is_not_asked_again(void **state)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000000 };
	struct rig_queue *q = &rig.queue[0];
	unsigned before;

	rig_connect(1, 0);
	rig_fill(bytes, 100, 0);
	nanosleep(&pause, NULL);
	before = port_fake.recvs;
	for (unsigned i = 0; i < 20; i++) {
		rig_send(q, NULL, bytes, 100);
		rig_kick(q);
		assert_int_equal(rig_response(q).status, NETIF_RSP_OKAY);
		/* It is asleep by then, nearly always. */
		nanosleep(&pause, NULL);
	}
	assert_in_range(port_fake.recvs - before, 20, 30);
}

/* Headers, and pages that begin somewhere in the first, as Linux sends them; copied by pages on both sides. */
static void a_page_of_a_large_packet_is_one_copy(void **state)
{
	static const struct { unsigned offset, size; } part[] = { { 100, 5728 }, { 3000, 1066 + 30 }, { 0, 4096 }, { 0, 466 } };
	struct rig_queue *q = &rig.queue[0];
	struct fake_counts before;

	rig_connect(1, 0);
	for (unsigned i = 0; i < 40; i++)
		fake_grant(RIG_TX_PAGE(0, i), false);
	before = fake_counts();
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned s = 0; s < 4; s++)
			rig_slot(q, RIG_TX_PAGE(0, 4 * i + s), part[s].offset, part[s].size,
				s < 3 ? NETTXF_more_data : 0);
	}
	rig_kick(q);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(rig_response(q).status, NETIF_RSP_OKAY);
	assert_int_equal(fake_counts().copy_ops - before.copy_ops, 40);
	assert_int_equal(fake_counts().copy_pieces - before.copy_pieces, 40);
}

static void a_small_packet_is_in_one_page(void **state)
{
	struct rig_queue *q = &rig.queue[0];
	struct fake_counts before;

	rig_connect(1, 0);
	rig_fill(bytes, 1514, 0);
	before = fake_counts();
	for (unsigned i = 0; i < 60; i++)
		rig_send(q, NULL, bytes, 1514);
	rig_kick(q);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(rig_response(q).status, NETIF_RSP_OKAY);
	assert_int_equal(fake_counts().copy_pieces - before.copy_pieces, 60);
}

static void split_channels_and_several_queues(void **state)
{
	struct frame f;

	rig.split = true;
	rig_connect(8, 4);
	assert_int_equal(fake_counts().bound, 16);
	for (unsigned i = 0; i < 8; i++) {
		rig_fill(bytes, 200, i);
		rig_send(&rig.queue[i], NULL, bytes, 200);
		rig_kick(&rig.queue[i]);
		assert_int_equal(rig_response(&rig.queue[i]).status, NETIF_RSP_OKAY);
		assert_true(fake_wait_event_on(rig.queue[i].tx_channel, 10000));
		assert_true(port_fake_get(&f, got, 1000));
		assert_memory_equal(got, bytes, 200);
		rig_put(i, bytes, 200);
		assert_int_equal(rig_receive(&rig.queue[i], NULL, got, 10000), 200);
		assert_true(fake_wait_event_on(rig.queue[i].rx_channel, 10000));
		assert_false(fake_wait_event_on(rig.queue[i].tx_channel, 0));
	}
}

static void connects_and_is_removed(void **state)
{
	rig_connect(2, 4);
	assert_int_equal(fake_counts().mapped, 4);
	assert_true(port_fake.connected);
	fake_store_write(BACK "/online", "0");
	fake_store_write(BACK "/state", "5");
	run_until(BACK "/state", "5");
	front("state", "6");
	assert_int_equal(run_until(BACK "/state", "6"), DEVICE_REMOVED);
	assert_int_equal(fake_counts().bound, 0);
	assert_int_equal(fake_counts().mapped, 0);
	assert_false(port_fake.connected);
}

/* iPXE, then the system that it booted: on one device, again and again. */
static void connects_again_and_again(void **state)
{
	rig_start();
	for (unsigned i = 0; i < 20; i++) {
		struct frame f;

		run_until(BACK "/state", "2");
		rig_nodes();
		rig_queues(1 + i % 3, 4);
		front("state", "4");
		run_until(BACK "/state", "4");
		rig_fill(bytes, 60, i);
		rig_send(&rig.queue[0], NULL, bytes, 60);
		rig_kick(&rig.queue[0]);
		assert_int_equal(rig_response(&rig.queue[0]).status, NETIF_RSP_OKAY);
		assert_true(port_fake_get(&f, got, 1000));
		front("state", "5");
		run_until(BACK "/state", "5");
		front("state", "6");
		run_until(BACK "/state", "6");
		assert_int_equal(fake_counts().mapped, 0);
		front("state", "1");
	}
	assert_int_equal(port_fake.connects, 20);
}

/* Windows' frontend closes before it was ever connected and expects InitWait after. */
static void windows_closes_first(void **state)
{
	rig_start();
	run_until(BACK "/state", "2");
	front("state", "5");
	run_until(BACK "/state", "5");
	front("state", "6");
	run_until(BACK "/state", "6");
	front("state", "1");
	run_until(BACK "/state", "2");
	rig_nodes();
	rig_queues(1, 4);
	front("state", "4");
	run_until(BACK "/state", "4");
}

static void sigterm_closes(void **state)
{
	rig_connect(2, 4);
	rig_stop();
	assert_int_equal(run_until(BACK "/state", "6"), DEVICE_REMOVED);
}

static void waits_for_the_hotplug_script(void **state)
{
	fake_store_write(BACK "/script", "/etc/xen/scripts/vif-bridge");
	fake_store_write(BACK "/hotplug-status", "");
	fake_store_write(BACK "/bridge", "xenbr0");
	fake_store_write(BACK "/vifname", "lan");
	rig_start();
	run_until(BACK "/state", "2");
	assert_string_equal(port_fake.name, "vif7.0"); /* the script renames it */
	assert_false(port_fake.has_bridge);
	rig_nodes();
	rig_queues(1, 4);
	front("state", "4");
	settle();
	expect_node("state", "2");
	fake_store_write(BACK "/hotplug-status", "connected");
	run_until(BACK "/state", "4");
}

static void without_a_script_the_port_goes_on_the_bridge(void **state)
{
	fake_store_write(BACK "/bridge", "xenbr0");
	fake_store_write(BACK "/vifname", "lan");
	rig_start();
	run_until(BACK "/state", "2");
	assert_string_equal(port_fake.name, "lan");
	assert_string_equal(port_fake.bridge, "xenbr0");
}

static void a_port_that_does_not_open_is_said(void **state)
{
	port_fake.open_error = -5;
	rig_start();
	assert_null(rig.device);
	assert_int_equal(rig.status, DEVICE_NO_PORT);
	expect_error("does not open");
	expect_node("state", "6");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		TEST(publishes_what_frontends_read_before_init_wait),
		TEST(a_packet_goes_out),
		TEST(a_packet_comes_in),
		TEST(largest_packets_in_many_slots),
		TEST(thousands_of_packets),
		TEST(a_batch_is_one_copy_one_send_one_event),
		TEST(a_port_that_had_nothing_is_not_asked_again),
		TEST(a_page_of_a_large_packet_is_one_copy),
		TEST(a_small_packet_is_in_one_page),
		TEST(split_channels_and_several_queues),
		TEST(connects_and_is_removed),
		TEST(connects_again_and_again),
		TEST(windows_closes_first),
		TEST(sigterm_closes),
		TEST(waits_for_the_hotplug_script),
		TEST(without_a_script_the_port_goes_on_the_bridge),
		TEST(a_port_that_does_not_open_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* The network frontend with a backend that keeps the rules: connect, send, receive, wait. */
#include "config.h"
#include "tests/unit/netfront-rig.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <xen/io/xenbus.h>

static void fill(uint8_t *data, uint32_t len, unsigned seed)
{
	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(seed + i * 7 + (i >> 8));
}

static uint8_t sent[NETIF_PACKET_MAX], got[NETIF_PACKET_MAX];

/* Send @meta->size bytes and receive them. */
static void round_trip(struct netfront *nf, struct netif_rx_meta meta)
{
	struct netfront_queue *q = netfront_queue(nf, 0);
	struct iovec iov[2] = { { sent, meta.size / 3 }, { sent + meta.size / 3, meta.size - meta.size / 3 } };
	struct netfront_rx rx;

	fill(sent, meta.size, meta.size);
	assert_int_equal(netfront_queue_send(q, iov, 2, &meta), 0);
	assert_int_equal(netfront_queue_kick(q), 0);
	assert_int_equal(netfront_queue_wait(q, NETFRONT_RX, 1000), NETFRONT_RX);
	assert_int_equal(netfront_queue_recv(q, &rx, 1), 1);
	assert_int_equal(rx.meta.size, meta.size);
	assert_int_equal(rx.meta.csum_blank, meta.csum_blank);
	assert_int_equal(rx.meta.gso, meta.gso);
	assert_int_equal(rx.meta.gso_size, meta.gso_size);
	assert_int_equal(rx.meta.hash_type, meta.hash_type);
	assert_int_equal(rx.meta.hash, meta.hash);
	assert_int_equal(netfront_rx_copy(&rx, got, sizeof(got)), meta.size);
	assert_memory_equal(got, sent, meta.size);
	netfront_queue_done(q, &rx, 1);
}

static void test_what_is_negotiated(void **state)
{
	struct netfront *nf = rig_open((struct netfront_config){ .queues = 4 });
	const struct netfront_info *info = netfront_get_info(nf);

	assert_true(info->sg && info->gso_tcpv4 && info->gso_tcpv6 && info->csum && info->csum_ipv6);
	assert_true(info->ctrl);
	assert_false(info->split || info->multicast);
	assert_int_equal(info->queues, 1);
	assert_int_equal(info->mtu, 1500);
	assert_int_equal(info->max_len, NETIF_PACKET_MAX);
	assert_memory_equal(info->mac, "\x00\x16\x3e\x01\x02\x03", 6);
	assert_true(netfront_carrier(nf));
	assert_string_equal(fake_get(NET_FRONT "/request-rx-copy"), "1");
	assert_string_equal(fake_get(NET_FRONT "/feature-rx-notify"), "1");
	assert_string_equal(fake_get(NET_FRONT "/feature-gso-tcpv6"), "1");
	assert_string_equal(fake_get(NET_FRONT "/state"), "4");
	assert_null(fake_get(NET_FRONT "/multi-queue-num-queues"));
	netfront_close(nf);
	assert_string_equal(fake_get(NET_FRONT "/state"), "6");
}

static void test_what_is_forbidden_is_not_used(void **state)
{
	struct netfront *nf = rig_open((struct netfront_config){ .no_sg = true, .no_csum = true });
	const struct netfront_info *info = netfront_get_info(nf);
	struct netif_rx_meta meta = { .size = 4097 };
	struct iovec iov = { sent, sizeof(sent) };

	assert_false(info->sg || info->gso_tcpv4 || info->gso_tcpv6 || info->csum || info->csum_ipv6);
	assert_string_equal(fake_get(NET_FRONT "/feature-no-csum-offload"), "1");
	assert_string_equal(fake_get(NET_FRONT "/feature-sg"), "0");
	assert_int_equal(netfront_queue_send(netfront_queue(nf, 0), &iov, 1, &meta), -EOPNOTSUPP);
	meta = (struct netif_rx_meta){ .size = 100, .csum_blank = true };
	assert_int_equal(netfront_queue_send(netfront_queue(nf, 0), &iov, 1, &meta), -EOPNOTSUPP);
	netfront_close(nf);
}

static void test_backend_that_cannot_copy(void **state)
{
	rig_offer("feature-rx-copy", NULL);
	assert_null(rig_open((struct netfront_config){ 0 }));
	assert_int_equal(errno, EPROTO);
	assert_non_null(strstr(rig_why(), "feature-rx-copy"));
}

static void test_packets_of_all_sizes(void **state)
{
	static const uint32_t sizes[] = { 14, 60, 64, 1514, 2048, 2049, 4096, 4097, 9014, 65535 };
	struct netfront *nf = rig_open((struct netfront_config){ 0 });

	for (unsigned n = 0; n < 200; n++)
		round_trip(nf, (struct netif_rx_meta){ .size = sizes[n % 10] });
	assert_int_equal(netfront_queue_stats(netfront_queue(nf, 0))->rx_packets, 200);
	assert_int_equal(netfront_queue_stats(netfront_queue(nf, 0))->tx_errors, 0);
	netfront_close(nf);
}

static void test_offloads_and_hashes_both_ways(void **state)
{
	struct netfront *nf = rig_open((struct netfront_config){ 0 });

	round_trip(nf, (struct netif_rx_meta){ .size = 1000, .csum_blank = true });
	round_trip(nf, (struct netif_rx_meta){ .size = 65535, .csum_blank = true,
		.gso = NETIF_GSO_TCPV4, .gso_size = 1448 });
	round_trip(nf, (struct netif_rx_meta){ .size = 60000, .csum_blank = true,
		.gso = NETIF_GSO_TCPV6, .gso_size = 1428, .hash_type = NETIF_HASH_IPV6_TCP,
		.hash = 0x12345678 });
	round_trip(nf, (struct netif_rx_meta){ .size = 100, .csum_valid = true });
	assert_true(rig.last.csum_valid && !rig.last.csum_blank);
	netfront_close(nf);
}

/* Sent until there is no room; the responses make room again, in whatever order they come. */
static void test_a_full_ring_waits_for_room(void **state)
{
	struct netfront *nf = rig_open((struct netfront_config){ 0 });
	struct netfront_queue *q = netfront_queue(nf, 0);
	struct netif_rx_meta meta = { .size = 5000 };
	uint16_t ids[256];
	unsigned n = 0;

	rig.serve = false;
	while (netfront_queue_get(q, meta.size)) {
		assert_int_equal(netfront_queue_put(q, &meta), 0);
		n++;
	}
	assert_in_range(n, 120, 128);
	assert_int_equal(netfront_queue_put(q, &meta), -EINVAL);
	assert_int_equal(netfront_queue_wait(q, NETFRONT_TX, 0), 0);
	for (unsigned i = 0; i < n; i++) {
		assert_true(rig_take());
		ids[2 * i] = rig.last.answer[0].id;
		ids[2 * i + 1] = rig.last.answer[1].id;
	}
	for (unsigned i = 2 * n; i-- > 0;)
		rig_tx_answer(ids[i], NETIF_RSP_OKAY);
	assert_int_equal(netfront_queue_wait(q, NETFRONT_TX, 1000), NETFRONT_TX);
	rig.serve = true;
	rig_serve(); /* asks for events again */
	for (unsigned i = 0; i < 300; i++)
		round_trip(nf, (struct netif_rx_meta){ .size = 40 + i * 200 });
	netfront_close(nf);
}

static void test_what_the_backend_says_became_of_packets(void **state)
{
	struct netfront *nf = rig_open((struct netfront_config){ 0 });
	struct netfront_queue *q = netfront_queue(nf, 0);
	struct netif_rx_meta meta = { .size = 5000 };
	struct iovec iov = { sent, sizeof(sent) };
	static const int16_t status[] = { NETIF_RSP_OKAY, NETIF_RSP_ERROR, NETIF_RSP_DROPPED };

	rig.serve = false;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(netfront_queue_send(q, &iov, 1, &meta), 0);
		assert_int_equal(netfront_queue_kick(q), 0);
		assert_true(rig_take());
		netif_tx_answer(&rig.tx, &rig.last, status[i]);
		(void)ring_back_push(&rig.tx);
	}
	assert_int_equal(netfront_queue_poll(q, NETFRONT_TX), NETFRONT_TX);
	assert_int_equal(netfront_queue_stats(q)->tx_packets, 3);
	assert_int_equal(netfront_queue_stats(q)->tx_errors, 1);
	assert_int_equal(netfront_queue_stats(q)->tx_dropped, 1);
	netfront_close(nf);
}

static void test_groups_are_asked_for(void **state)
{
	static const uint8_t group[6] = { 1, 0, 0x5e, 0, 0, 251 };
	struct netfront *nf = rig_open((struct netfront_config){ .multicast_filter = true });
	struct netfront_queue *q = netfront_queue(nf, 0);

	assert_string_equal(fake_get(NET_FRONT "/request-multicast-control"), "1");
	assert_int_equal(netfront_queue_multicast(q, true, group), 0);
	assert_int_equal(netfront_queue_kick(q), 0);
	assert_int_equal(rig.last.nmcast, 1);
	assert_true(rig.last.mcast[0].add);
	assert_memory_equal(rig.last.mcast[0].addr, group, 6);
	assert_int_equal(netfront_queue_multicast(q, false, group), 0);
	assert_int_equal(netfront_queue_kick(q), 0);
	assert_false(rig.last.mcast[0].add);
	assert_int_equal(netfront_queue_poll(q, NETFRONT_TX), NETFRONT_TX);
	netfront_close(nf);
}

static void test_hash_is_set_by_the_control_ring(void **state)
{
	struct netfront *nf = rig_open((struct netfront_config){ 0 });
	struct netif_hash_state hash = { .algorithm = 1, .flags = 3, .key_len = 40, .mapping_size = 128 };

	assert_int_equal(netfront_set_hash(nf, &hash), 0);
	assert_int_equal(rig.nctrl, 5);
	assert_int_equal(rig.ctrl_types[0], XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM);
	assert_int_equal(rig.ctrl_types[4], XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING);
	rig.ctrl_status = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	assert_int_equal(netfront_set_hash(nf, &hash), -EINVAL);
	rig.ctrl_status = XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
	assert_int_equal(netfront_set_hash(nf, &hash), -EOPNOTSUPP);
	rig.ctrl_status = 77;
	assert_int_equal(netfront_set_hash(nf, &hash), -EIO);
	netfront_close(nf);
}

static void test_backend_leaves_and_comes_back(void **state)
{
	struct netfront *nf = rig_open((struct netfront_config){ 0 });
	struct netfront_queue *q = netfront_queue(nf, 0);
	struct netif_rx_meta meta = { .size = 100 };
	struct iovec iov = { sent, sizeof(sent) };

	round_trip(nf, meta);
	rig_set_state(XenbusStateClosing);
	assert_int_equal(netfront_queue_wait(q, NETFRONT_RX, 1000), -ENOTCONN);
	assert_int_equal(netfront_queue_send(q, &iov, 1, &meta), -ENOTCONN);
	assert_non_null(strstr(netfront_why(nf), "left"));
	assert_int_equal(netfront_reconnect(nf), 0);
	assert_string_equal(netfront_why(nf), "");
	for (unsigned i = 0; i < 300; i++)
		round_trip(nf, meta);
	netfront_close(nf);
}

static void test_carrier_goes_and_comes(void **state)
{
	struct netfront *nf = rig_open((struct netfront_config){ 0 });

	fake_set(NET_BACK "/carrier", "0");
	assert_int_equal(netfront_queue_wait(netfront_queue(nf, 0), NETFRONT_RX, 10), 0);
	assert_false(netfront_carrier(nf));
	netfront_close(nf);
}

/* An idle interface hears of its store's end, and of its backend's from the next one; packets need neither. */
static void test_store_restarted(void **state)
{
	struct netif_rx_meta meta = { .size = 100 };
	struct sockaddr_un sa;
	int listening = fakes_store_listen(&sa);
	struct pollfd p = { .events = POLLIN };
	struct netfront_queue *q;
	struct netfront *nf;

	fakes.store_socket = sa.sun_path;
	nf = rig_open((struct netfront_config){ 0 });
	q = netfront_queue(nf, 0);
	p.fd = netfront_queue_fd(q);
	assert_int_equal(netfront_queue_wait(q, NETFRONT_RX, 0), 0);
	fakes.store_gone = true;
	fakes.store_epoch++;
	fakes_store_end(listening, &sa);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(netfront_queue_wait(q, NETFRONT_RX, 0), 0);
	round_trip(nf, meta);
	listening = fakes_store_listen(&sa);
	fakes.store_gone = false;
	/* It looks for it from time to time. */
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(netfront_queue_wait(q, NETFRONT_RX, 50), 0);
	round_trip(nf, meta);
	fake_set(NET_BACK "/carrier", "0");
	assert_int_equal(netfront_queue_wait(q, NETFRONT_RX, 10), 0);
	assert_false(netfront_carrier(nf));
	rig_set_state(XenbusStateClosing);
	assert_int_equal(netfront_queue_wait(q, NETFRONT_RX, 1000), -ENOTCONN);
	fakes_store_end(listening, &sa);
	netfront_close(nf);
}

/* Nobody waited meanwhile: it is found at the end, and the backend is told. */
static void test_store_restarted_before_the_end(void **state)
{
	struct sockaddr_un sa;
	int listening = fakes_store_listen(&sa);
	struct netfront *nf;

	fakes.store_socket = sa.sun_path;
	nf = rig_open((struct netfront_config){ 0 });
	fakes.store_epoch++;
	fakes_store_end(listening, &sa);
	netfront_close(nf);
	assert_string_equal(fake_get(NET_FRONT "/state"), "6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_negotiated),
		TEST(test_what_is_forbidden_is_not_used),
		TEST(test_backend_that_cannot_copy),
		TEST(test_packets_of_all_sizes),
		TEST(test_offloads_and_hashes_both_ways),
		TEST(test_a_full_ring_waits_for_room),
		TEST(test_what_the_backend_says_became_of_packets),
		TEST(test_groups_are_asked_for),
		TEST(test_hash_is_set_by_the_control_ring),
		TEST(test_backend_leaves_and_comes_back),
		TEST(test_carrier_goes_and_comes),
		TEST(test_store_restarted),
		TEST(test_store_restarted_before_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

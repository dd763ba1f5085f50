// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/net-rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/common/metrics.h"
#include "backends/net/device-private.h"
#include "tests/peers/fake-xen.h"

#define PENDING 99
#define WAIT_MS 10000u

struct net_rig rig;
static const char *expected_path, *expected_value;
static uint8_t *page_view[FAKE_GRANTS];

static uint8_t *rig_page(uint32_t gref)
{
	if (!page_view[gref])
		page_view[gref] = fake_grant(gref, false);
	return page_view[gref];
}

int rig_setup(void **state)
{
	fake_reset();
	port_fake_reset();
	memset(page_view, 0, sizeof(page_view));
	memset(&rig, 0, sizeof(rig));
	rig.max_queues = 8;
	rig.rx_notify = true;
	rig.loop = loop_new();
	fake_store_write(BACK "/frontend", FRONT);
	fake_store_write(BACK "/frontend-id", "7");
	fake_store_write(BACK "/mac", "00:16:3e:01:02:03");
	fake_store_write(BACK "/handle", "0");
	fake_store_write(BACK "/online", "1");
	fake_store_write(BACK "/state", "1");
	fake_store_write(FRONT "/state", "1");
	return 0;
}

int rig_teardown(void **state)
{
	device_free(rig.device);
	rig.device = NULL;
	loop_free(rig.loop);
	return 0;
}

/* --- the store ----------------------------------------------------------------------------- */

static bool is_there(void)
{
	char *value = fake_store_read(expected_path);
	bool yes = expected_value ? value && strcmp(value, expected_value) == 0 : !!value;

	free(value);
	return yes;
}

static int ticks;

static void tick(void *opaque)
{
	if (is_there() || --ticks <= 0)
		loop_stop(rig.loop, PENDING);
	else
		assert_non_null(loop_add_timer(rig.loop, 2, tick, NULL));
}

int run_until(const char *path, const char *value)
{
	int rc;

	expected_path = path;
	expected_value = value;
	ticks = 5000;
	assert_non_null(loop_add_timer(rig.loop, 0, tick, NULL));
	rc = loop_run(rig.loop);
	if (!is_there()) {
		char *now = fake_store_read(path);

		fail_msg("%s is %s, not %s", path, now ? now : "absent", value);
	}
	return rc;
}

void settle(void)
{
	static unsigned n;
	char value[16];

	for (int i = 0; i < 3; i++) {
		snprintf(value, sizeof(value), "%u", n++);
		fake_store_write(BACK "/settle", value);
		run_until(BACK "/settle", value);
	}
}

void front(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), FRONT "/%s", name);
	fake_store_write(path, value);
}

void frontf(const char *name, unsigned value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	front(name, text);
}

void expect_node(const char *name, const char *value)
{
	char path[128], *text;

	snprintf(path, sizeof(path), BACK "/%s", name);
	text = fake_store_read(path);
	if (!value) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, value);
	free(text);
}

void expect_error(const char *part)
{
	char *own = fake_store_read(BACK "/error");
	char *tree = fake_store_read("error/" BACK "/error");

	assert_non_null(own);
	assert_non_null(tree);
	assert_string_equal(own, tree);
	if (!strstr(own, part))
		fail_msg("the error says: %s", own);
	free(own);
	free(tree);
}

/* --- the device ------------------------------------------------------------------------------ */

void rig_start(void)
{
	struct device_options o = { .path = BACK, .ready_fd = -1, .max_queues = rig.max_queues,
		.journal = rig.journal, .metrics = rig.metrics, .ops = &port_ops_fake, .poll_us = 20 };

	rig.device = device_start(rig.loop, &o, &rig.status);
}

static void stop_now(void *opaque)
{
	device_stop(rig.device);
}

void rig_stop(void)
{
	assert_non_null(loop_add_timer(rig.loop, 0, stop_now, NULL));
}

void rig_nodes(void)
{
	front("request-rx-copy", "1");
	front("feature-rx-notify", rig.rx_notify ? "1" : "0");
	front("feature-sg", "1");
	front("feature-gso-tcpv4", "1");
	front("feature-gso-tcpv6", "1");
	front("feature-ipv6-csum-offload", "1");
}

static void rig_queue_node(const char *prefix, const char *name, unsigned value)
{
	char path[64];

	snprintf(path, sizeof(path), "%s%s", prefix, name);
	frontf(path, value);
}

static void rig_queue(unsigned i, unsigned n, unsigned buffers)
{
	struct rig_queue *q = &rig.queue[i];
	char prefix[24] = "";

	*q = (struct rig_queue){ .index = i, .tx_channel = rig.split ? 2 * i : i };
	q->rx_channel = rig.split ? 2 * i + 1 : i;
	assert_int_equal(ring_front_init(&q->tx, rig_page(RIG_TX_RING(i)), 4096, 12), 0);
	assert_int_equal(ring_front_init(&q->rx, rig_page(RIG_RX_RING(i)), 4096, 8), 0);
	if (n > 1)
		snprintf(prefix, sizeof(prefix), "queue-%u/", i);
	rig_queue_node(prefix, "tx-ring-ref", RIG_TX_RING(i));
	rig_queue_node(prefix, "rx-ring-ref", RIG_RX_RING(i));
	if (rig.split) {
		rig_queue_node(prefix, "event-channel-tx", FAKE_REMOTE_PORT + q->tx_channel);
		rig_queue_node(prefix, "event-channel-rx", FAKE_REMOTE_PORT + q->rx_channel);
	} else {
		rig_queue_node(prefix, "event-channel", FAKE_REMOTE_PORT + q->tx_channel);
	}
	rig_buffers(q, buffers);
}

void rig_queues(unsigned n, unsigned buffers)
{
	for (unsigned i = 0; i < n; i++)
		rig_queue(i, n, buffers);
	frontf("multi-queue-num-queues", n);
}

void rig_ctrl(void)
{
	assert_int_equal(ring_front_init(&rig.ctrl, rig_page(RIG_CTRL_RING), 4096, 16), 0);
	frontf("ctrl-ring-ref", RIG_CTRL_RING);
	frontf("event-channel-ctrl", FAKE_REMOTE_PORT + FAKE_CHANNELS - 1);
}

void rig_connect(unsigned n, unsigned buffers)
{
	rig_start();
	assert_non_null(rig.device);
	run_until(BACK "/state", "2");
	rig_nodes();
	rig_queues(n, buffers);
	front("state", "4");
	run_until(BACK "/state", "4");
}

/* --- the guest ------------------------------------------------------------------------------- */

void rig_buffers(struct rig_queue *q, unsigned n)
{
	for (unsigned i = 0; i < n; i++, q->rx_given++) {
		struct netif_rx_request req = { .id = q->rx.req_prod & 255,
			.gref = RIG_RX_PAGE(q->index, q->rx_given) };

		rig_page(req.gref);
		ring_front_put(&q->rx, &req, sizeof(req));
	}
	if (ring_front_push(&q->rx) && !rig.silent)
		fake_notify_on(q->rx_channel);
}

uint16_t rig_slot(struct rig_queue *q, uint32_t gref, unsigned offset, unsigned size, unsigned flags)
{
	struct netif_tx_request req = { .gref = gref, .offset = offset, .flags = flags,
		.id = q->next_id++, .size = size };

	ring_front_put(&q->tx, &req, sizeof(req));
	return req.id;
}

void rig_extra(struct rig_queue *q, const struct netif_extra_info *extra)
{
	ring_front_put(&q->tx, extra, sizeof(*extra));
}

void rig_kick(struct rig_queue *q)
{
	fake_sync();
	if (ring_front_push(&q->tx))
		fake_notify_on(q->tx_channel);
}

uint16_t rig_send(struct rig_queue *q, const struct netif_rx_meta *meta, const uint8_t *bytes,
	uint32_t len)
{
	struct netif_rx_meta m = meta ? *meta : (struct netif_rx_meta){ 0 };
	struct netif_tx_slot slot[NETIF_SLOTS_MAX];
	union netif_tx_wire wire[NETIF_TX_WIRE_MAX];
	uint16_t id[NETIF_SLOTS_MAX], first = q->next_id;
	unsigned n = 0, slots;

	m.size = len;
	for (uint32_t at = 0; at < len || n == 0; at += 4096, n++) {
		uint32_t part = len - at < 4096 ? len - at : 4096;

		slot[n] = (struct netif_tx_slot){ .gref = RIG_TX_PAGE(q->index, q->next_tx++),
			.size = part };
		memcpy(rig_page(slot[n].gref), bytes + at, part);
		id[n] = q->next_id++;
	}
	slots = netif_front_encode(&m, NULL, slot, id, n, wire);
	for (unsigned i = 0; i < slots; i++)
		ring_front_put(&q->tx, &wire[i], sizeof(wire[i]));
	return first;
}

static void rig_pause(void)
{
	const struct timespec pause = { .tv_nsec = 200000 };

	nanosleep(&pause, NULL);
	fake_sync();
}

struct netif_tx_response rig_response(struct rig_queue *q)
{
	struct netif_tx_response rsp;

	for (unsigned i = 0; i < WAIT_MS * 5; i++) {
		int n = ring_front_pending(&q->tx);

		if (n < 0)
			fail_msg("the backend broke the transmit ring");
		if (n > 0) {
			ring_front_get(&q->tx, &rsp, sizeof(rsp));
			return rsp;
		}
		rig_pause();
	}
	fail_msg("no answer");
	return rsp;
}

static int rig_collect(struct rig_queue *q, struct netif_front_rx *rx, uint8_t *bytes, int *len)
{
	static const struct netif_front_limits limits = { .sg = true, .gso_tcpv4 = true, .gso_tcpv6 = true };
	union netif_rx_slot slot;
	enum netif_front_verdict v;
	uint32_t index = q->rx.rsp_cons;
	bool is_data;

	ring_front_get(&q->rx, &slot, sizeof(slot));
	v = netif_front_take(rx, &slot, index & 255, &limits, &is_data);
	if (netif_front_is_broken(v))
		fail_msg("the backend broke the receive ring: %s", netif_front_text(v));
	if (is_data && slot.rsp.status > 0) {
		if (*len == 0)
			rig.rx_offset = slot.rsp.offset;
		/* Buffers were given in the order of indices. */
		memcpy(bytes + *len, page_view[RIG_RX_PAGE(q->index, index)] + slot.rsp.offset,
			slot.rsp.status);
		*len += slot.rsp.status;
	}
	return v;
}

int rig_receive(struct rig_queue *q, struct netif_rx_meta *meta, uint8_t *bytes, unsigned ms)
{
	struct netif_front_rx rx = { 0 };
	int len = 0;

	for (unsigned i = 0; i <= ms * 5; i++) {
		int n = ring_front_pending(&q->rx);

		if (n < 0)
			fail_msg("the backend broke the receive ring");
		for (; n > 0; n--) {
			int v = rig_collect(q, &rx, bytes, &len);

			if (v == NETIF_FRONT_DROP)
				len = 0;
			if (v == NETIF_FRONT_PACKET) {
				if (meta)
					*meta = rx.meta;
				return len;
			}
		}
		if (ms)
			rig_pause();
	}
	return -1;
}

static void ask_tick(void *opaque)
{
	int n = ring_front_pending(&rig.ctrl);

	assert_true(n >= 0);
	if (n > 0 || --ticks <= 0)
		loop_stop(rig.loop, PENDING);
	else
		assert_non_null(loop_add_timer(rig.loop, 1, ask_tick, NULL));
}

struct xen_netif_ctrl_response rig_ask(unsigned type, uint32_t a, uint32_t b, uint32_t c)
{
	static uint16_t id;
	struct xen_netif_ctrl_request req = { .id = ++id, .type = type, .data = { a, b, c } };
	struct xen_netif_ctrl_response rsp = { .status = 0xffff };

	ring_front_put(&rig.ctrl, &req, sizeof(req));
	if (ring_front_push(&rig.ctrl))
		fake_notify_on(FAKE_CHANNELS - 1);
	ticks = 5000;
	assert_non_null(loop_add_timer(rig.loop, 0, ask_tick, NULL));
	loop_run(rig.loop);
	assert_int_equal(ring_front_pending(&rig.ctrl), 1);
	ring_front_get(&rig.ctrl, &rsp, sizeof(rsp));
	assert_int_equal(rsp.id, req.id);
	return rsp;
}

/* --- the world -------------------------------------------------------------------------------- */

void rig_put(unsigned queue, const uint8_t *bytes, uint32_t len)
{
	struct frame f = { .data = (uint8_t *)(uintptr_t)bytes, .len = len };

	port_fake_put(queue, &f);
}

void rig_fill(uint8_t *bytes, uint32_t len, unsigned seed)
{
	static const uint8_t header[14] = { 0x00, 0x16, 0x3e, 1, 2, 3, 0x02, 0, 0, 0, 0, 9, 0x88, 0xb5 };

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = i < sizeof(header) ? header[i] : (uint8_t)(i * 7 + seed + (i >> 8));
}

uint64_t rig_counter(unsigned which)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < rig.device->shared.nqueues; i++)
		n += metric_read(&queue_metrics(rig.device->shared.queue[i])[which]);
	return n;
}

/* SPDX-License-Identifier: MIT */
/* Both ends of a transmit or receive ring in one page of memory. */
#ifndef SLUICE_TESTS_UNIT_NETIF_RIG_H
#define SLUICE_TESTS_UNIT_NETIF_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/netif.h"
#include "protocol/ring.h"

#define TX_SLOT sizeof(struct netif_tx_request)
#define RX_SLOT sizeof(struct netif_rx_request)

struct rig {
	_Alignas(64) uint8_t page[NETIF_PAGE_SIZE];
	struct ring_front front;
	struct ring_back back;
};

/* A fresh ring whose indices begin at @start, so that a test may cross the wraps. */
static inline void rig_begin(struct rig *r, size_t slot_size, uint32_t start)
{
	const uint32_t header[4] = { start, start + 1, start, start + 1 };

	assert_int_equal(ring_front_init(&r->front, r->page, sizeof(r->page), slot_size), 0);
	memcpy(r->page, header, sizeof(header));
	r->front.req_prod = r->front.req_published = r->front.rsp_cons = start;
	assert_int_equal(ring_back_init(&r->back, r->page, sizeof(r->page), slot_size), 0);
}

static inline void rig_slot(struct rig *r, uint32_t gref, uint16_t offset, uint16_t flags,
	uint16_t id, uint16_t size)
{
	const struct netif_tx_request req = { gref, offset, flags, id, size };

	ring_front_put(&r->front, &req, sizeof(req));
}

static inline void rig_extra(struct rig *r, uint8_t type, uint8_t flags)
{
	const struct netif_extra_info extra = { .type = type, .flags = flags };

	ring_front_put(&r->front, &extra, sizeof(extra));
}

static inline void rig_gso(struct rig *r, uint8_t type, uint16_t size, uint8_t flags)
{
	const struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO, .flags = flags,
		.u.gso = { .type = type, .size = size } };

	ring_front_put(&r->front, &extra, sizeof(extra));
}

static inline void rig_mcast(struct rig *r, bool add, uint8_t last, uint8_t flags)
{
	const struct netif_extra_info extra = {
		.type = add ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD : XEN_NETIF_EXTRA_TYPE_MCAST_DEL,
		.flags = flags, .u.mcast.addr = { 1, 0, 0x5e, 0, 0, last } };

	ring_front_put(&r->front, &extra, sizeof(extra));
}

/* A packet of @n slots of @each bytes, with ids and grants from @id on. */
static inline void rig_packet(struct rig *r, unsigned n, uint16_t each, uint16_t id)
{
	for (unsigned i = 0; i < n; i++)
		rig_slot(r, 1000 + id + i, 0, i + 1 < n ? NETTXF_more_data : 0, id + i,
			i ? each : n * each);
}

static const struct netif_tx_limits all_limits = { true, true, true, true };

/* Publishes what was put and takes one packet. @left: of the pending ones, after it. */
static inline enum netif_verdict rig_take_left(struct rig *r, const struct netif_tx_limits *limits,
	struct netif_tx_packet *p, unsigned *left)
{
	int n;

	ring_front_push(&r->front);
	n = ring_back_pending(&r->back);
	assert_true(n > 0);
	*left = n;
	memset(p, 0xa5, sizeof(*p));
	return netif_tx_take(&r->back, left, limits, p);
}

/* The only packet: whatever becomes of it, all of it is consumed. */
static inline enum netif_verdict rig_take(struct rig *r, struct netif_tx_packet *p)
{
	unsigned left;
	enum netif_verdict v = rig_take_left(r, &all_limits, p, &left);

	assert_true(netif_is_fatal(v) || left == 0);
	return v;
}

/* The next response as the guest sees it; -1000: there is none. */
static inline int rig_status(struct rig *r, uint16_t *id)
{
	struct netif_tx_response rsp;

	if (ring_front_pending(&r->front) <= 0)
		return -1000;
	ring_front_get(&r->front, &rsp, sizeof(rsp));
	*id = rsp.id;
	return rsp.status;
}

#endif

// SPDX-License-Identifier: MIT
/* The raw network frontend: handles, nodes, rings; see hostile-net.h. */
#include "config.h"
#include "tests/peers/hostile-net.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/ring.h"
#include "xenstore/xsnode.h"

/* ---- memory ---------------------------------------------------------------- */

static int new_pages(struct netpeer *p, uint8_t **page, uint32_t *ref, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		page[i] = xengntshr_share_pages(p->xgs, p->backend_id, 1, &ref[i], 1);
		if (!page[i])
			return hostile_fail("cannot grant a page: %s", strerror(errno));
	}
	return 0;
}

static void free_pages(struct netpeer *p, uint8_t **page, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (page[i])
			xengntshr_unshare(p->xgs, page[i], 1);
}

static void free_ring(struct netpeer *p, struct np_ring *r)
{
	if (r->page)
		xengntshr_unshare(p->xgs, r->page, 1);
	r->page = NULL;
}

static int new_ring(struct netpeer *p, struct np_ring *r, unsigned slot_size)
{
	uint32_t *header;

	free_ring(p, r);
	r->page = xengntshr_share_pages(p->xgs, p->backend_id, 1, &r->ref, 1);
	if (!r->page)
		return hostile_fail("cannot grant a ring: %s", strerror(errno));
	memset(r->page, 0, 4096);
	header = (uint32_t *)r->page;
	header[1] = header[3] = 1; /* req_event, rsp_event */
	r->slot_size = slot_size;
	r->slots = ring_slots(4096, slot_size);
	r->prod = r->cons = 0;
	return 0;
}

int np_open(struct netpeer *p, unsigned vif)
{
	memset(p, 0, sizeof(*p));
	for (unsigned i = 0; i < NP_QUEUES; i++)
		p->queue[i].tx_port = p->queue[i].rx_port = -1;
	p->ctrl_port = -1;
	p->nqueues = 1;
	p->q = &p->queue[0];
	snprintf(p->dir, sizeof(p->dir), "device/vif/%u", vif);
	p->xs = xs_open(0);
	p->xce = xenevtchn_open(NULL, 0);
	p->xgs = xengntshr_open(NULL, 0);
	if (!p->xs || !p->xce || !p->xgs)
		return hostile_fail("this is no domain: %s", strerror(errno));
	p->backend = xsn_read(p->xs, XBT_NULL, p->dir, "backend");
	if (!p->backend || xsn_read_u32(p->xs, XBT_NULL, p->dir, "backend-id", &p->backend_id) < 0)
		return hostile_fail("there is no interface %u", vif);
	if (new_pages(p, p->page, p->ref, NP_PAGES) < 0)
		return -1;
	return new_pages(p, p->buffer, p->buffer_ref, NP_BUFFERS);
}

void np_free(struct netpeer *p)
{
	free_pages(p, p->page, NP_PAGES);
	free_pages(p, p->buffer, NP_BUFFERS);
	for (unsigned i = 0; i < NP_QUEUES; i++) {
		free_ring(p, &p->queue[i].tx);
		free_ring(p, &p->queue[i].rx);
	}
	free_ring(p, &p->ctrl);
	xengntshr_close(p->xgs);
	xenevtchn_close(p->xce);
	xs_close(p->xs);
	free(p->backend);
}

/* ---- store ------------------------------------------------------------------- */

uint32_t np_offered(struct netpeer *p, const char *name)
{
	return hostile_offered(p->xs, p->backend, name);
}

void np_write(struct netpeer *p, const char *name, const char *value)
{
	hostile_write(p->xs, p->dir, name, value);
}

void np_writef(struct netpeer *p, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	hostile_vwritef(p->xs, p->dir, name, fmt, ap);
	va_end(ap);
}

int np_state(struct netpeer *p)
{
	return hostile_state(p->xs, p->backend);
}

int np_wait_state(struct netpeer *p, unsigned states)
{
	return hostile_wait_state(p->xs, p->backend, states);
}

static void clear_nodes(struct netpeer *p)
{
	static const char *const names[] = { "tx-ring-ref", "rx-ring-ref", "event-channel",
		"event-channel-tx", "event-channel-rx", "multi-queue-num-queues", "ctrl-ring-ref",
		"event-channel-ctrl", "request-rx-copy", "feature-rx-notify", "feature-sg",
		"feature-gso-tcpv4", "feature-gso-tcpv6", "feature-no-csum-offload",
		"feature-ipv6-csum-offload", "request-multicast-control", "xdp-headroom" };
	char name[24];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		np_write(p, names[i], NULL);
	for (unsigned i = 0; i < NP_QUEUES + 1; i++) {
		snprintf(name, sizeof(name), "queue-%u", i);
		np_write(p, name, NULL);
	}
}

int np_reset_store(struct netpeer *p)
{
	if (np_state(p) != 2) {
		np_write(p, "state", "5");
		if (np_wait_state(p, NP_ENDED) < 0)
			return -1;
		np_write(p, "state", "6");
		if (np_wait_state(p, 1u << 6) < 0)
			return -1;
	}
	clear_nodes(p);
	np_write(p, "state", "1");
	return np_wait_state(p, 1u << 2) < 0 ? -1 : 0;
}

int np_close(struct netpeer *p)
{
	np_write(p, "state", "6");
	if (np_wait_state(p, 1u << 6) < 0)
		return -1;
	np_write(p, "state", "1");
	return np_wait_state(p, 1u << 2) < 0 ? -1 : 0;
}

static void publish_queue(struct netpeer *p, const struct np_queue *q, const char *prefix)
{
	char name[48];

	snprintf(name, sizeof(name), "%stx-ring-ref", prefix);
	np_writef(p, name, "%u", q->tx.ref);
	snprintf(name, sizeof(name), "%srx-ring-ref", prefix);
	np_writef(p, name, "%u", q->rx.ref);
	snprintf(name, sizeof(name), "%sevent-channel%s", prefix, p->split ? "-tx" : "");
	np_writef(p, name, "%d", q->tx_port);
	if (!p->split)
		return;
	snprintf(name, sizeof(name), "%sevent-channel-rx", prefix);
	np_writef(p, name, "%d", q->rx_port);
}

void np_publish(struct netpeer *p)
{
	char prefix[24] = "";

	np_write(p, "request-rx-copy", "1");
	np_write(p, "feature-rx-notify", "1");
	np_write(p, "feature-sg", p->no_sg ? "0" : "1");
	np_write(p, "feature-gso-tcpv4", p->no_gso ? "0" : "1");
	np_write(p, "feature-gso-tcpv6", p->no_gso ? "0" : "1");
	np_write(p, "feature-ipv6-csum-offload", "1");
	if (p->mcast)
		np_write(p, "request-multicast-control", "1");
	if (p->with_ctrl) {
		np_writef(p, "ctrl-ring-ref", "%u", p->ctrl.ref);
		np_writef(p, "event-channel-ctrl", "%d", p->ctrl_port);
	}
	if (p->nqueues > 1)
		np_writef(p, "multi-queue-num-queues", "%u", p->nqueues);
	for (unsigned i = 0; i < p->nqueues; i++) {
		if (p->nqueues > 1)
			snprintf(prefix, sizeof(prefix), "queue-%u/", i);
		publish_queue(p, &p->queue[i], prefix);
	}
}

/* A channel serves one connection: a backend that closed has closed its end. */
static int new_channel(struct netpeer *p, int *port)
{
	if (*port >= 0)
		xenevtchn_unbind(p->xce, *port);
	*port = xenevtchn_bind_unbound_port(p->xce, p->backend_id);
	return *port < 0 ? hostile_fail("no event channel: %s", strerror(errno)) : 0;
}

int np_prepare(struct netpeer *p)
{
	for (unsigned i = 0; i < p->nqueues; i++) {
		struct np_queue *q = &p->queue[i];

		if (new_ring(p, &q->tx, sizeof(struct netif_tx_request)) < 0 ||
			new_ring(p, &q->rx, sizeof(struct netif_rx_request)) < 0 ||
			new_channel(p, &q->tx_port) < 0 || (p->split && new_channel(p, &q->rx_port) < 0))
			return -1;
	}
	if (!p->with_ctrl)
		return 0;
	return new_ring(p, &p->ctrl, NETIF_CTRL_SLOT_SIZE) < 0 || new_channel(p, &p->ctrl_port) < 0 ? -1 : 0;
}

int np_go(struct netpeer *p)
{
	np_write(p, "state", "4");
	if (np_wait_state(p, 1u << 4 | NP_ENDED) != 4)
		return hostile_fail("the backend did not connect");
	return 0;
}

int np_connect(struct netpeer *p)
{
	if (np_prepare(p) < 0)
		return -1;
	np_publish(p);
	return np_go(p);
}

/*
 * It says why; what was consumed may be answered, but nothing goes on: a good frame is not sent
 * back. It is still connected, or has ended.
 */
int np_expect_fatal(struct netpeer *p)
{
	double end = hostile_now() + HOSTILE_SECONDS;
	char *why = NULL;

	while (!why && hostile_now() < end) {
		why = xsn_read(p->xs, XBT_NULL, p->backend, "error");
		hostile_nap();
	}
	if (!why)
		return hostile_fail("the backend did not say why in its error node (state %d)", np_state(p));
	printf("  reason: %s\n", why);
	free(why);
	return 0;
}

/* ---- transmit ring ------------------------------------------------------------- */

static uint8_t *slot_at(struct np_ring *r, uint32_t index)
{
	return r->page + RING_HEADER_SIZE + (index & (r->slots - 1)) * r->slot_size;
}

volatile uint32_t *np_req_prod(struct np_ring *r)
{
	return (volatile uint32_t *)r->page;
}

volatile uint32_t *np_rsp_prod(struct np_ring *r)
{
	return (volatile uint32_t *)r->page + 2;
}

struct netif_tx_request *np_tx(struct netpeer *p)
{
	return (struct netif_tx_request *)slot_at(&p->q->tx, p->q->tx.prod++);
}

uint16_t np_slot(struct netpeer *p, unsigned page, unsigned offset, unsigned size, unsigned flags)
{
	struct netif_tx_request *req = np_tx(p);

	*req = (struct netif_tx_request){ .gref = p->ref[page], .offset = offset, .size = size,
		.flags = flags, .id = p->next_id++ };
	return req->id;
}

struct netif_extra_info *np_extra(struct netpeer *p, unsigned type, unsigned flags)
{
	struct netif_extra_info *extra = (struct netif_extra_info *)np_tx(p);

	memset(extra, 0, sizeof(struct netif_tx_request));
	extra->type = type;
	extra->flags = flags;
	return extra;
}

void np_gso(struct netpeer *p, unsigned type, unsigned size)
{
	struct netif_extra_info *extra = np_extra(p, XEN_NETIF_EXTRA_TYPE_GSO, 0);

	extra->u.gso.type = type;
	extra->u.gso.size = size;
}

void np_push(struct netpeer *p)
{
	__atomic_store_n(np_req_prod(&p->q->tx), p->q->tx.prod, __ATOMIC_SEQ_CST);
	__atomic_store_n(np_req_prod(&p->q->rx), p->q->rx.prod, __ATOMIC_SEQ_CST);
	(void)xenevtchn_notify(p->xce, p->q->tx_port); /* the backend may be gone: the case finds out */
	if (p->q->rx_port >= 0)
		(void)xenevtchn_notify(p->xce, p->q->rx_port);
}

const struct netif_tx_response *np_next_answer(struct netpeer *p)
{
	struct np_ring *r = &p->q->tx;
	double end = hostile_now() + HOSTILE_SECONDS;

	while (__atomic_load_n(np_rsp_prod(r), __ATOMIC_ACQUIRE) == r->cons) {
		if (hostile_now() > end)
			return NULL;
		hostile_nap();
	}
	return (const struct netif_tx_response *)slot_at(r, r->cons++);
}

int np_answers(struct netpeer *p, uint16_t first, unsigned n, unsigned extras, int status)
{
	bool seen[NP_SLOTS] = { false };
	unsigned nulls = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct netif_tx_response *rsp = np_next_answer(p);
		uint16_t at;

		if (!rsp)
			return hostile_fail("only %u of %u answers came", i, n);
		if (rsp->status == NETIF_RSP_NULL) {
			nulls++;
			continue;
		}
		at = rsp->id - first;
		if (at >= n || seen[at])
			return hostile_fail("an answer to %u, which was %s", rsp->id, at < n ? "answered" : "not asked");
		if (status == NP_ANY_ERROR ? rsp->status >= 0 : rsp->status != status)
			return hostile_fail("slot %u: status %d, expected %d", at, rsp->status, status);
		seen[at] = true;
	}
	return nulls == extras ? 0 : hostile_fail("%u of %u answers are for extras, expected %u", nulls, n, extras);
}

/* ---- receive ring -------------------------------------------------------------- */

void np_post(struct netpeer *p, unsigned n)
{
	struct np_ring *r = &p->q->rx;

	while (n-- && r->prod - r->cons < r->slots) {
		struct netif_rx_request *req = (struct netif_rx_request *)slot_at(r, r->prod);
		uint16_t id = r->prod % NP_BUFFERS;

		*req = (struct netif_rx_request){ .id = id, .gref = p->buffer_ref[id] };
		p->posted[r->prod % NP_SLOTS] = id;
		r->prod++;
	}
	np_push(p);
}

/* Rule 21, from the other side: nothing but what was asked for, all of it within its page. */
static int take_response(struct netpeer *p, bool *more, bool *extra)
{
	struct np_ring *r = &p->q->rx;
	uint32_t prod = __atomic_load_n(np_rsp_prod(r), __ATOMIC_ACQUIRE);
	struct netif_rx_response rsp;
	uint16_t id = p->posted[r->cons % NP_SLOTS];

	if (prod - r->cons > r->prod - r->cons || prod == r->cons)
		return hostile_fail("rsp_prod is %u, taken %u, put %u", prod, r->cons, r->prod);
	memcpy(&rsp, slot_at(r, r->cons++), sizeof(rsp));
	if (*extra) {
		const struct netif_extra_info *info = (const void *)&rsp;

		*extra = info->flags & XEN_NETIF_EXTRA_FLAG_MORE;
		return 0;
	}
	if (rsp.id != id)
		return hostile_fail("the response at the place of buffer %u is for %u", id, rsp.id);
	if (rsp.status > 4096 || (rsp.status > 0 && rsp.offset + rsp.status > 4096))
		return hostile_fail("offset %u and status %d", rsp.offset, rsp.status);
	if (rsp.status > 0 && p->got_len + rsp.status <= NETIF_PACKET_MAX) {
		memcpy(p->got + p->got_len, p->buffer[id] + rsp.offset, rsp.status);
		p->got_len += rsp.status;
	}
	*more = rsp.flags & NETRXF_more_data;
	*extra = rsp.flags & NETRXF_extra_info;
	return 0;
}

int np_receive(struct netpeer *p, unsigned ms)
{
	struct np_ring *r = &p->q->rx;
	double end = hostile_now() + ms / 1000.0;
	bool more = true, extra = false, next = false;
	unsigned slots = 0;

	while (__atomic_load_n(np_rsp_prod(r), __ATOMIC_ACQUIRE) == r->cons) {
		if (hostile_now() >= end)
			return 0;
		hostile_nap();
	}
	p->got_len = 0;
	while (more || extra) {
		bool was_extra = extra;

		if (take_response(p, was_extra ? &next : &more, &extra) < 0)
			return -1;
		if (++slots > NETIF_RX_SLOTS_MAX)
			return hostile_fail("a packet of more than %u slots", slots);
	}
	return p->got_len ? (int)p->got_len : hostile_fail("an empty packet");
}

/* ---- frames -------------------------------------------------------------------- */

void np_frame(uint8_t *data, unsigned len, unsigned seed)
{
	static const uint8_t addresses[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };

	for (unsigned i = 0; i < len; i++)
		data[i] = i < 12 ? addresses[i] : i == 12 ? 0x88 : i == 13 ? 0xb5 : (uint8_t)(seed + i * 5 + (i >> 8));
}

bool np_is_frame(const struct netpeer *p, unsigned len, unsigned seed)
{
	static uint8_t want[NETIF_PACKET_MAX];

	np_frame(want, len, seed);
	return p->got_len == len && memcmp(p->got, want + 6, 6) == 0 && memcmp(p->got + 6, want, 6) == 0 &&
	       memcmp(p->got + 12, want + 12, len - 12) == 0;
}

unsigned np_send(struct netpeer *p, unsigned page, unsigned len, unsigned seed)
{
	static uint8_t data[NETIF_PACKET_MAX];
	unsigned n = 0;

	np_frame(data, len, seed);
	for (unsigned at = 0; at < len; n++) {
		unsigned part = len - at < 4096 ? len - at : 4096;

		memcpy(p->page[page + n], data + at, part);
		np_slot(p, page + n, 0, n ? part : len, at + part < len ? NETTXF_more_data : 0);
		at += part;
	}
	return n;
}

int np_check_works(struct netpeer *p)
{
	static unsigned seed;
	unsigned len = 60 + seed * 37 % 1400, n;
	uint16_t first = p->next_id;
	int got;

	np_post(p, 64);
	n = np_send(p, 0, len, ++seed);
	np_push(p);
	if (np_answers(p, first, n, 0, NETIF_RSP_OKAY) < 0)
		return hostile_fail("a good frame was not taken");
	/* Others may be on their way still. */
	for (unsigned i = 0; i < 2000; i++) {
		got = np_receive(p, HOSTILE_SECONDS * 1000);
		if (got <= 0 || np_is_frame(p, len, seed))
			break;
		np_post(p, 20);
	}
	return got < 0 ? -1 : got > 0 ? 0 : hostile_fail("a good frame did not come back");
}

/* ---- control ring -------------------------------------------------------------- */

int np_ctrl(struct netpeer *p, unsigned type, uint32_t a, uint32_t b, uint32_t c, uint32_t *data)
{
	struct np_ring *r = &p->ctrl;
	struct xen_netif_ctrl_request *req = (void *)slot_at(r, r->prod++);
	struct xen_netif_ctrl_response rsp;
	double end = hostile_now() + HOSTILE_SECONDS;
	uint16_t id = p->next_id++;

	*req = (struct xen_netif_ctrl_request){ .id = id, .type = type, .data = { a, b, c } };
	__atomic_store_n(np_req_prod(r), r->prod, __ATOMIC_SEQ_CST);
	(void)xenevtchn_notify(p->xce, p->ctrl_port);
	while (__atomic_load_n(np_rsp_prod(r), __ATOMIC_ACQUIRE) == r->cons) {
		if (hostile_now() > end)
			return hostile_fail("control request %u was not answered", type);
		hostile_nap();
	}
	memcpy(&rsp, slot_at(r, r->cons++), sizeof(rsp));
	if (rsp.id != id || rsp.type != type)
		return hostile_fail("control request %u of type %u was answered as %u of type %u", id, type,
			rsp.id, rsp.type);
	if (data)
		*data = rsp.data;
	return (int)rsp.status;
}

// SPDX-License-Identifier: MIT
/* The raw frontend: handles, nodes, ring; see hostile.h. */
#include "config.h"
#include "tests/peers/hostile.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/ring.h"
#include "xenstore/xsnode.h"

/* ---- memory ---------------------------------------------------------------- */

int peer_new_pages(struct peer *p)
{
	for (unsigned i = 0; i < PEER_PAGES; i++) {
		if (p->page[i])
			xengntshr_unshare(p->xgs, p->page[i], 1);
		p->page[i] = xengntshr_share_pages(p->xgs, p->backend_id, 1, &p->ref[i], 1);
		if (!p->page[i])
			return hostile_fail("cannot grant a page: %s", strerror(errno));
	}
	return 0;
}

static void free_ring(struct peer *p, struct peer_queue *q)
{
	if (q->ring)
		xengntshr_unshare(p->xgs, q->ring, q->pages);
	q->ring = NULL;
}

static int new_ring(struct peer *p, struct peer_queue *q)
{
	uint32_t *header;

	free_ring(p, q);
	q->pages = 1u << p->order;
	q->ring = xengntshr_share_pages(p->xgs, p->backend_id, q->pages, q->ring_refs, 1);
	if (!q->ring)
		return hostile_fail("cannot grant the ring: %s", strerror(errno));
	memset(q->ring, 0, 4096u << p->order);
	header = (uint32_t *)q->ring;
	header[1] = header[3] = 1; /* req_event, rsp_event */
	q->slots = ring_slots(4096u << p->order, blkif_slot_size(p->abi));
	q->prod = q->cons = 0;
	return 0;
}

void peer_use_queue(struct peer *p, unsigned i)
{
	p->q = &p->queue[i];
}

int peer_open(struct peer *p, unsigned vdev)
{
	memset(p, 0, sizeof(*p));
	for (unsigned i = 0; i < PEER_QUEUES; i++)
		p->queue[i].port = -1;
	p->nqueues = 1;
	p->q = &p->queue[0];
	p->persistent = true;
	snprintf(p->dir, sizeof(p->dir), "device/vbd/%u", vdev);
	p->xs = xs_open(0);
	p->xce = xenevtchn_open(NULL, 0);
	p->xgs = xengntshr_open(NULL, 0);
	if (!p->xs || !p->xce || !p->xgs)
		return hostile_fail("this is no domain: %s", strerror(errno));
	p->backend = xsn_read(p->xs, XBT_NULL, p->dir, "backend");
	if (!p->backend || xsn_read_u32(p->xs, XBT_NULL, p->dir, "backend-id", &p->backend_id) < 0)
		return hostile_fail("there is no disk %u", vdev);
	return peer_new_pages(p);
}

void peer_free(struct peer *p)
{
	for (unsigned i = 0; i < PEER_PAGES; i++)
		if (p->page[i])
			xengntshr_unshare(p->xgs, p->page[i], 1);
	for (unsigned i = 0; i < PEER_QUEUES; i++)
		free_ring(p, &p->queue[i]);
	xengntshr_close(p->xgs);
	xenevtchn_close(p->xce);
	xs_close(p->xs);
	free(p->backend);
}

/* ---- store ------------------------------------------------------------------- */

uint32_t peer_offered(struct peer *p, const char *name)
{
	return hostile_offered(p->xs, p->backend, name);
}

void peer_write(struct peer *p, const char *name, const char *value)
{
	hostile_write(p->xs, p->dir, name, value);
}

void peer_writef(struct peer *p, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	hostile_vwritef(p->xs, p->dir, name, fmt, ap);
	va_end(ap);
}

int peer_state(struct peer *p)
{
	return hostile_state(p->xs, p->backend);
}

int peer_wait_state(struct peer *p, unsigned states)
{
	return hostile_wait_state(p->xs, p->backend, states);
}

uint64_t peer_sectors(struct peer *p)
{
	uint64_t sectors;

	return xsn_read_u64(p->xs, XBT_NULL, p->backend, "sectors", &sectors) < 0 ? 0 : sectors;
}

static void clear_nodes(struct peer *p)
{
	static const char *const names[] = { "ring-ref", "ring-page-order", "num-ring-pages",
		"event-channel", "protocol", "feature-persistent", "multi-queue-num-queues" };
	char name[24];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		peer_write(p, names[i], NULL);
	for (unsigned i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "ring-ref%u", i);
		peer_write(p, name, NULL);
	}
	for (unsigned i = 0; i < PEER_QUEUES; i++) {
		snprintf(name, sizeof(name), "queue-%u", i);
		peer_write(p, name, NULL);
	}
}

int peer_reset_store(struct peer *p)
{
	if (peer_state(p) != 2) {
		peer_write(p, "state", "5");
		if (peer_wait_state(p, PEER_ENDED) < 0)
			return -1;
		peer_write(p, "state", "6");
		if (peer_wait_state(p, 1u << 6) < 0)
			return -1;
	}
	clear_nodes(p);
	peer_write(p, "state", "1");
	return peer_wait_state(p, 1u << 2) < 0 ? -1 : 0;
}

int peer_close(struct peer *p)
{
	peer_write(p, "state", "6");
	if (peer_wait_state(p, 1u << 6) < 0)
		return -1;
	peer_write(p, "state", "1");
	return peer_wait_state(p, 1u << 2) < 0 ? -1 : 0;
}

static void publish_queue(struct peer *p, const struct peer_queue *q, const char *prefix)
{
	char name[48];

	for (unsigned i = 0; i < 1u << p->order; i++) {
		if (p->order)
			snprintf(name, sizeof(name), "%sring-ref%u", prefix, i);
		else
			snprintf(name, sizeof(name), "%sring-ref", prefix);
		peer_writef(p, name, "%u", q->ring_refs[i]);
	}
	snprintf(name, sizeof(name), "%sevent-channel", prefix);
	peer_writef(p, name, "%d", q->port);
}

void peer_publish(struct peer *p)
{
	char prefix[24] = "";

	if (p->nqueues > 1)
		peer_writef(p, "multi-queue-num-queues", "%u", p->nqueues);
	if (p->order)
		peer_writef(p, "ring-page-order", "%u", p->order);
	for (unsigned i = 0; i < p->nqueues; i++) {
		if (p->nqueues > 1)
			snprintf(prefix, sizeof(prefix), "queue-%u/", i);
		publish_queue(p, &p->queue[i], prefix);
	}
	peer_write(p, "protocol", p->abi == BLKIF_ABI_NATIVE ? "x86_64-abi" : blkif_abi_name(p->abi));
	peer_write(p, "feature-persistent", p->persistent ? "1" : "0");
}

/* A channel serves one connection: a backend that closed has closed its end. */
static int new_channel(struct peer *p, struct peer_queue *q)
{
	if (q->port >= 0)
		xenevtchn_unbind(p->xce, q->port);
	q->port = xenevtchn_bind_unbound_port(p->xce, p->backend_id);
	return q->port < 0 ? hostile_fail("no event channel: %s", strerror(errno)) : 0;
}

int peer_prepare(struct peer *p)
{
	for (unsigned i = 0; i < p->nqueues; i++)
		if (new_ring(p, &p->queue[i]) < 0 || new_channel(p, &p->queue[i]) < 0)
			return -1;
	return 0;
}

int peer_go(struct peer *p)
{
	peer_write(p, "state", "3");
	if (peer_wait_state(p, 1u << 4 | PEER_ENDED) != 4)
		return hostile_fail("the backend did not connect");
	peer_write(p, "state", "4");
	return 0;
}

int peer_connect(struct peer *p)
{
	if (peer_prepare(p) < 0)
		return -1;
	peer_publish(p);
	return peer_go(p);
}

int peer_expect_ended(struct peer *p)
{
	double end = hostile_now() + HOSTILE_SECONDS;
	char *why = NULL;

	if (peer_wait_state(p, PEER_ENDED) < 0)
		return -1;
	while (!why && hostile_now() < end) {
		why = xsn_read(p->xs, XBT_NULL, p->backend, "error");
		hostile_nap();
	}
	if (!why)
		return hostile_fail("the backend ended the connection without its error node");
	printf("  reason: %s\n", why);
	free(why);
	return 0;
}

/* ---- ring ---------------------------------------------------------------------- */

uint8_t *peer_slot(struct peer *p)
{
	return p->q->ring + RING_HEADER_SIZE + (p->q->prod & (p->q->slots - 1)) * blkif_slot_size(p->abi);
}

volatile uint32_t *peer_req_prod(struct peer *p)
{
	return (volatile uint32_t *)p->q->ring;
}

volatile uint32_t *peer_rsp_prod(struct peer *p)
{
	return (volatile uint32_t *)p->q->ring + 2;
}

void peer_put(struct peer *p, const struct blkif_req *req)
{
	blkif_encode(p->abi, req, peer_slot(p));
	p->q->prod++;
}

/* Always notifies, as GRUB does. */
void peer_push(struct peer *p)
{
	__atomic_store_n(peer_req_prod(p), p->q->prod, __ATOMIC_SEQ_CST);
	(void)xenevtchn_notify(p->xce, p->q->port); /* the backend may be gone: the case finds out */
}

/* Looks at the ring instead of waiting for events: what is tested is the backend. */
const uint8_t *peer_next_rsp(struct peer *p)
{
	double end = hostile_now() + HOSTILE_SECONDS;

	while (__atomic_load_n(peer_rsp_prod(p), __ATOMIC_ACQUIRE) == p->q->cons) {
		if (hostile_now() > end)
			return NULL;
		hostile_nap();
	}
	return p->q->ring + RING_HEADER_SIZE +
	       (p->q->cons++ & (p->q->slots - 1)) * blkif_slot_size(p->abi);
}

static bool status_is(int status, int wanted)
{
	if (wanted == PEER_ANY_ERROR)
		return status == BLKIF_RSP_ERROR || status == BLKIF_RSP_EOPNOTSUPP;
	if (wanted == PEER_ANY)
		return status == BLKIF_RSP_OKAY || status_is(status, PEER_ANY_ERROR);
	return status == wanted;
}

int peer_answer(struct peer *p, uint64_t id, unsigned op, int status)
{
	const uint8_t *wire = peer_next_rsp(p);
	struct blkif_rsp rsp;

	if (!wire)
		return hostile_fail("no answer to operation %u", op);
	blkif_decode_rsp(p->abi, wire, &rsp);
	if (rsp.id != id || rsp.operation != op || !status_is(rsp.status, status))
		return hostile_fail("operation %u id %#llx status %d, expected %u, %#llx, %d",
			rsp.operation, (unsigned long long)rsp.id, rsp.status, op,
			(unsigned long long)id, status);
	return 0;
}

int peer_expect(struct peer *p, const struct blkif_req *req, int status)
{
	peer_put(p, req);
	peer_push(p);
	return peer_answer(p, req->id, req->operation, status);
}

/* Requests have their ids from peer_rw(): one after the other. */
int peer_collect(struct peer *p, uint64_t first, unsigned n, int status)
{
	CLEANUP_FREE bool *seen = calloc(n, sizeof(*seen));

	for (unsigned i = 0; seen && i < n; i++) {
		const uint8_t *wire = peer_next_rsp(p);
		struct blkif_rsp rsp;

		if (!wire)
			return hostile_fail("only %u of %u answers came", i, n);
		blkif_decode_rsp(p->abi, wire, &rsp);
		if (rsp.id - first >= n)
			return hostile_fail("an answer to %#llx, which was not asked",
				(unsigned long long)rsp.id);
		if (seen[rsp.id - first])
			return hostile_fail("request %u was answered twice", (unsigned)(rsp.id - first));
		if (!status_is(rsp.status, status))
			return hostile_fail("request %u: status %d", (unsigned)(rsp.id - first), rsp.status);
		seen[rsp.id - first] = true;
	}
	return seen ? 0 : hostile_fail("out of memory");
}

static uint64_t next_id = UINT64_C(0xfeed0000cafe0000);

uint64_t peer_next_id(void)
{
	return next_id;
}

struct blkif_req *peer_discard(struct peer *p, uint64_t sector, uint64_t count, unsigned flag)
{
	struct blkif_req *req = peer_rw(p, BLKIF_OP_DISCARD, sector, 0, 0);

	req->nr_sectors = count;
	req->flag = flag;
	return req;
}

struct blkif_req *peer_rw(struct peer *p, unsigned op, uint64_t sector, unsigned first, unsigned n)
{
	struct blkif_req *req = &p->req;

	memset(req, 0, sizeof(*req));
	req->id = next_id++;
	req->operation = op;
	req->sector = sector;
	req->nr_segments = n;
	req->indirect = n > BLKIF_MAX_SEGMENTS_PER_REQUEST;
	for (unsigned i = 0; i < n && i < BLKIF_INDIRECT_SEGMENTS; i++)
		req->seg[i] = (struct blkif_segment){ p->ref[first + i], 0, 7 };
	/* The last page is for descriptors: no case uses it for data. */
	req->indirect_gref[0] = p->ref[PEER_PAGES - 1];
	if (req->indirect && n <= BLKIF_INDIRECT_SEGMENTS)
		blkif_encode_segments(req, 0, p->page[PEER_PAGES - 1]);
	return req;
}

int peer_check_works(struct peer *p)
{
	static unsigned seed;
	unsigned n = 3 + seed++ % 2 * 20;

	for (unsigned i = 0; i < n; i++)
		memset(p->page[i], seed + i, 4096);
	if (peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, 64, 0, n), BLKIF_RSP_OKAY) < 0)
		return -1;
	if (peer_expect(p, peer_rw(p, BLKIF_OP_READ, 64, n, n), BLKIF_RSP_OKAY) < 0)
		return -1;
	for (unsigned i = 0; i < n; i++)
		if (memcmp(p->page[i], p->page[n + i], 4096) != 0)
			return hostile_fail("what was written did not come back (page %u)", i);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Whose index is whose: the guest writes req_prod and rsp_cons, the store
 * writes req_cons and rsp_prod. The store reads only the guest's; it keeps
 * its own here, for the guest can overwrite those in the page.
 */
#include "config.h"
#include "hypervisor/store/ring.h"

#include <errno.h>
#include <string.h>

#include "hypervisor/store/state.h"

static uint32_t ring_load(const uint32_t *index)
{
	/* Orders the index before the bytes it covers; the guest's partner is its write barrier. */
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void ring_store(uint32_t *index, uint32_t value)
{
	/* Orders the bytes before the index that hands them over; partner: the guest's read barrier. */
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

/* Bytes from @index on that lie in one piece. */
static uint32_t ring_piece(uint32_t index, uint32_t len)
{
	uint32_t piece = XENSTORE_RING_SIZE - MASK_XENSTORE_IDX(index);

	return len < piece ? len : piece;
}

static int ring_take(struct ring *ring, unsigned *flags)
{
	uint32_t used = ring_load(&ring->page->req_prod) - ring->pos.req_cons;
	uint32_t piece;
	size_t room;
	char *at;
	int rc;

	if (used > XENSTORE_RING_SIZE)
		return -ERANGE;
	if (used == 0)
		return 0;
	room = conn_input_room(ring->conn, &at);
	piece = ring_piece(ring->pos.req_cons, used < room ? used : room);
	memcpy(at, ring->page->req + MASK_XENSTORE_IDX(ring->pos.req_cons), piece);
	ring->pos.req_cons += piece;
	state_input(ring->conn, at, piece);
	rc = conn_input_done(ring->conn, piece);
	/* The guest may write over these bytes once they are kept elsewhere. */
	state_commit(ring->conn->store);
	ring_store(&ring->page->req_cons, ring->pos.req_cons);
	*flags |= RING_NOTIFY;
	/* 2: a request was answered, 1: bytes moved. */
	switch (rc) {
	case 0:
		return 1;
	case 1:
		return 2;
	default:
		return -EPROTO;
	}
}

/* 1 something was put, 0 there is nothing or no room, -ERANGE. */
static int ring_give(struct ring *ring, unsigned *flags)
{
	uint32_t used = ring->pos.rsp_prod - ring_load(&ring->page->rsp_cons);
	const char *at;
	uint32_t piece;
	size_t len;

	if (used > XENSTORE_RING_SIZE)
		return -ERANGE;
	len = conn_output(ring->conn, &at);
	if (len == 0 || used == XENSTORE_RING_SIZE)
		return 0;
	if (len > XENSTORE_RING_SIZE - used)
		len = XENSTORE_RING_SIZE - used;
	piece = ring_piece(ring->pos.rsp_prod, len);
	memcpy(ring->page->rsp + MASK_XENSTORE_IDX(ring->pos.rsp_prod), at, piece);
	ring->pos.rsp_prod += piece;
	state_sent(ring->conn, piece);
	conn_output_done(ring->conn, piece);
	/* A store killed before this line puts the same bytes there again. */
	state_commit(ring->conn->store);
	ring_store(&ring->page->rsp_prod, ring->pos.rsp_prod);
	*flags |= RING_NOTIFY;
	return 1;
}

static int ring_give_all(struct ring *ring, unsigned *flags)
{
	int rc;

	/* Every turn moves bytes of a finite queue. */
	do
		rc = ring_give(ring, flags);
	while (rc == 1);
	return rc;
}

static int ring_serve(struct ring *ring, unsigned *flags)
{
	unsigned answered = 0;
	int rc = ring_give_all(ring, flags);

	while (rc >= 0 && conn_may_input(ring->conn)) {
		/* The guest may refill as fast as the store empties: that is for the next round. */
		if (answered == RING_ROUND) {
			*flags |= RING_MORE;
			break;
		}
		rc = ring_take(ring, flags);
		if (rc == 0)
			break;
		if (rc == 2) {
			answered++;
			rc = ring_give_all(ring, flags);
		}
	}
	return rc < 0 ? rc : 0;
}

static void ring_keep(struct ring *ring)
{
	state_ring(ring->conn);
	state_commit(ring->conn->store);
}

static void ring_fail(struct ring *ring, uint32_t error)
{
	conn_drop(ring->conn, error == XENSTORE_ERROR_RINGIDX ?
		"its ring's indices are impossible" : "its ring cannot go on");
	conn_reset(ring->conn);
	ring->pos.error = error;
	ring_keep(ring);
	ring_store(&ring->page->error, error);
}

static void ring_reconnect(struct ring *ring)
{
	conn_reset(ring->conn);
	ring->pos = (struct ring_pos){ .error = XENSTORE_ERROR_NONE };
	ring_keep(ring);
	ring_store(&ring->page->req_cons, 0);
	ring_store(&ring->page->req_prod, 0);
	ring_store(&ring->page->rsp_cons, 0);
	ring_store(&ring->page->rsp_prod, 0);
	ring_store(&ring->page->error, XENSTORE_ERROR_NONE);
	/* Last: with this the guest may use all of the above. */
	ring_store(&ring->page->connection, XENSTORE_CONNECTED);
}

static void ring_tell_features(struct xenstore_domain_interface *page)
{
	ring_store(&page->server_features,
		XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR);
}

void ring_init(struct ring *ring, struct xenstore_domain_interface *page,
	struct conn *conn)
{
	*ring = (struct ring){
		.page = page,
		.conn = conn,
		.pos = {
			.req_cons = ring_load(&page->req_cons),
			.rsp_prod = ring_load(&page->rsp_prod),
			.error = XENSTORE_ERROR_NONE,
		},
	};
	conn->kept = &ring->pos;
	state_ring(conn);
	ring_store(&page->error, XENSTORE_ERROR_NONE);
	ring_tell_features(page);
}

void ring_resume(struct ring *ring, struct xenstore_domain_interface *page,
	struct conn *conn, const struct ring_pos *pos)
{
	*ring = (struct ring){ .page = page, .conn = conn, .pos = *pos };
	conn->kept = &ring->pos;
	/* What was kept, but perhaps not told before the end. */
	ring_store(&page->req_cons, pos->req_cons);
	ring_store(&page->rsp_prod, pos->rsp_prod);
	ring_store(&page->error, pos->error);
	ring_tell_features(page);
}

unsigned ring_run(struct ring *ring)
{
	unsigned flags = 0;
	int rc = 0;

	if (ring_load(&ring->page->connection) == XENSTORE_RECONNECT) {
		ring_reconnect(ring);
		return RING_NOTIFY;
	}
	if (ring->pos.error != XENSTORE_ERROR_NONE)
		return 0;
	if (!ring->conn->bad)
		rc = ring_serve(ring, &flags);
	if (rc == 0 && !ring->conn->bad)
		return flags;
	ring_fail(ring, rc == -ERANGE ? XENSTORE_ERROR_RINGIDX :
		rc == -EPROTO ? XENSTORE_ERROR_PROTO : XENSTORE_ERROR_COMM);
	return RING_NOTIFY;
}

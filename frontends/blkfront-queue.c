// SPDX-License-Identifier: MIT
/*
 * The block frontend's data path: I/Os to requests, responses to I/Os.
 *
 * Every response is suspect: it must name a request that is in flight, by an id
 * that was never used before, with that request's operation and a known status.
 * One that does not ends the device, as in Linux's blkfront: a backend that
 * mixes up ids may have mixed up data.
 */
#include "config.h"
#include "frontends/blkfront-internal.h"

#include <errno.h>

#include "common/array.h"

#define ID_INDEX_BITS 16
/* Requests that a backend which looks at the ring gets at a time: we make more meanwhile. */
#define KICK_EVERY 8

void bq_init(struct blkfront_queue *q, struct blkfront *bf, unsigned index)
{
	uint32_t poll_us = bf->config.poll_us;

	q->bf = bf;
	q->index = index;
	q->port = -1;
	q->epoll_fd = -1;
	spin_init(&q->spin, poll_us == BLKFRONT_NO_POLL ? 0 : poll_us * UINT64_C(1000));
}

/* ---- I/Os --------------------------------------------------------------- */

static struct bf_slot *slot_of(struct blkfront_io *io)
{
	return container_of(io, struct bf_slot, io);
}

struct blkfront_io *blkfront_queue_get(struct blkfront_queue *q)
{
	struct bf_slot *slot;

	if (!q->nr_idle)
		return NULL;
	slot = q->idle[--q->nr_idle];
	slot->state = BF_HELD;
	slot->io.secure = false;
	return &slot->io;
}

void blkfront_queue_put(struct blkfront_queue *q, struct blkfront_io *io)
{
	struct bf_slot *slot = slot_of(io);

	/* A buffer that the backend may still write to is never given out again. */
	if (slot->state != BF_HELD)
		return;
	slot->state = BF_IDLE;
	q->idle[q->nr_idle++] = slot;
}

/* Where an I/O that moves data or discards must lie. */
static int io_check_range(const struct blkfront *bf, const struct blkfront_io *io)
{
	uint64_t size = blkfront_size(bf);

	if ((io->offset | io->length) & (bf->info.sector_size - 1))
		return -EINVAL;
	return io->length > size || io->offset > size - io->length ? -EINVAL : 0;
}

static bool io_is_supported(const struct blkfront_info *info, const struct blkfront_io *io)
{
	switch (io->op) {
	case BLKFRONT_READ:
	case BLKFRONT_WRITE:
		return true;
	case BLKFRONT_FLUSH:
		return info->flush;
	case BLKFRONT_BARRIER:
		return info->barrier;
	case BLKFRONT_DISCARD:
		return io->secure ? info->secure_discard : info->discard;
	}
	return false;
}

/* The most bytes that one request of this kind can name. */
static uint64_t io_max_length(const struct blkfront_info *info, enum blkfront_op op)
{
	uint64_t direct = BLKIF_MAX_SEGMENTS_PER_REQUEST * BLKIF_PAGE_SIZE;

	if (op == BLKFRONT_DISCARD)
		return UINT64_MAX;
	if (op == BLKFRONT_FLUSH)
		return 0;
	/* The protocol has no indirect barriers. */
	return op == BLKFRONT_BARRIER && info->max_io > direct ? direct : info->max_io;
}

static int io_check(const struct blkfront *bf, const struct blkfront_io *io)
{
	const struct blkfront_info *info = &bf->info;

	if (!io_is_supported(info, io))
		return -EOPNOTSUPP;
	if (info->readonly && io->op != BLKFRONT_READ && io->op != BLKFRONT_FLUSH)
		return -EROFS;
	if (io->length > io_max_length(info, io->op))
		return -EINVAL;
	if (io->length == 0)
		return io->op == BLKFRONT_FLUSH || io->op == BLKFRONT_BARRIER ? 0 : -EINVAL;
	return io_check_range(bf, io);
}

static const uint8_t wire_ops[] = {
	[BLKFRONT_READ] = BLKIF_OP_READ,
	[BLKFRONT_WRITE] = BLKIF_OP_WRITE,
	[BLKFRONT_FLUSH] = BLKIF_OP_FLUSH_DISKCACHE,
	[BLKFRONT_DISCARD] = BLKIF_OP_DISCARD,
	[BLKFRONT_BARRIER] = BLKIF_OP_WRITE_BARRIER,
};

static void req_set_segments(struct blkif_req *req, const struct bf_slot *slot, uint32_t sectors)
{
	unsigned i = 0;

	for (; sectors; i++) {
		uint32_t n = sectors < BLKIF_PAGE_SECTORS ? sectors : BLKIF_PAGE_SECTORS;

		req->seg[i] = (struct blkif_segment){
			.gref = slot->refs[i],
			.last_sect = n - 1,
		};
		sectors -= n;
	}
	req->nr_segments = i;
	req->indirect = i > BLKIF_MAX_SEGMENTS_PER_REQUEST;
	if (req->indirect) {
		req->indirect_gref[0] = slot->indirect_ref;
		blkif_encode_segments(req, 0, slot->indirect_page);
	}
}

/* All of q->req that its operation uses; the rest of it is old. */
static void req_build(struct blkfront_queue *q, struct bf_slot *slot)
{
	struct blkif_req *req = &q->req;
	const struct blkfront_io *io = &slot->io;

	req->id = slot->id;
	req->operation = slot->wire_op;
	req->flag = 0;
	req->indirect = false;
	req->nr_segments = 0;
	req->nr_sectors = 0;
	req->sector = io->offset / BLKIF_SECTOR_SIZE;
	if (io->op == BLKFRONT_DISCARD) {
		req->nr_sectors = io->length / BLKIF_SECTOR_SIZE;
		req->flag = io->secure ? BLKIF_DISCARD_SECURE : 0;
	} else if (io->length) {
		req_set_segments(req, slot, io->length / BLKIF_SECTOR_SIZE);
	} else {
		req->sector = 0;
	}
}

int blkfront_queue_submit(struct blkfront_queue *q, struct blkfront_io *io)
{
	struct bf_slot *slot = slot_of(io);
	uint8_t wire[BLKIF_SLOT_MAX];
	int rc = bq_failed(q);

	if (rc < 0)
		return rc;
	if (atomic_load_explicit(&q->bf->closing, memory_order_relaxed))
		return -ENOTCONN;
	rc = io_check(q->bf, io);
	if (rc < 0)
		return rc;
	if (slot->state != BF_HELD)
		return -EINVAL;
	slot->state = BF_IN_FLIGHT;
	slot->wire_op = wire_ops[io->op];
	slot->id = q->generation++ << ID_INDEX_BITS | (uint64_t)(slot - q->slots);
	req_build(q, slot);
	blkif_encode(q->bf->abi, &q->req, wire);
	ring_front_put(&q->ring, wire, q->ring.slot_size);
	q->in_flight++;
	q->unpushed++;
	return 0;
}

int blkfront_queue_kick(struct blkfront_queue *q)
{
	if (!q->unpushed)
		return 0;
	q->unpushed = 0;
	if (!ring_front_push(&q->ring))
		return 0;
	if (xenevtchn_notify(q->xce, q->port) < 0)
		return bf_fail(q->bf, -ENOTCONN, "cannot notify the backend: %m");
	return 0;
}

/* ---- responses ---------------------------------------------------------- */

static void slot_done(struct blkfront_queue *q, struct bf_slot *slot, int error)
{
	slot->state = BF_HELD;
	slot->io.error = error;
	q->in_flight--;
	if (slot->io.done)
		slot->io.done(&slot->io);
}

int bq_fail_all(struct blkfront_queue *q, int rc)
{
	if (!q->failed)
		q->failed = rc;
	for (unsigned i = 0; i < q->nr_slots && q->in_flight; i++)
		if (q->slots[i].state == BF_IN_FLIGHT)
			slot_done(q, &q->slots[i], q->failed);
	return q->failed;
}

static int status_error(int16_t status, int *error)
{
	switch (status) {
	case BLKIF_RSP_OKAY:
		*error = 0;
		return 0;
	case BLKIF_RSP_ERROR:
		*error = -EIO;
		return 0;
	case BLKIF_RSP_EOPNOTSUPP:
		*error = -EOPNOTSUPP;
		return 0;
	}
	return -EPROTO;
}

/* Take one response. 0, or the device's failure: the backend broke the rules. */
static int rsp_take(struct blkfront_queue *q)
{
	uint8_t wire[BLKIF_SLOT_MAX];
	struct blkif_rsp rsp;
	struct bf_slot *slot;
	uint64_t index;
	int error;

	ring_front_get(&q->ring, wire, blkif_rsp_size(q->bf->abi));
	blkif_decode_rsp(q->bf->abi, wire, &rsp);
	index = rsp.id & ((1u << ID_INDEX_BITS) - 1);
	if (index >= q->nr_slots)
		return bf_fail(q->bf, -EIO, "the backend answered an unknown request (id %#llx)",
			(unsigned long long)rsp.id);
	slot = &q->slots[index];
	if (slot->state != BF_IN_FLIGHT || slot->id != rsp.id)
		return bf_fail(q->bf, -EIO, "the backend answered a request that is not in flight (id %#llx)",
			(unsigned long long)rsp.id);
	if (slot->wire_op != rsp.operation)
		return bf_fail(q->bf, -EIO, "the backend answered operation %u with %u",
			slot->wire_op, rsp.operation);
	if (status_error(rsp.status, &error) < 0)
		return bf_fail(q->bf, -EIO, "the backend answered with an unknown status (%d)", rsp.status);
	slot_done(q, slot, error);
	return 0;
}

int blkfront_queue_poll(struct blkfront_queue *q)
{
	int rc = bq_failed(q);
	int n;

	if (rc < 0)
		return bq_fail_all(q, rc);
	n = ring_front_pending(&q->ring);
	if (n < 0)
		rc = bf_fail(q->bf, -EIO, "the backend answered more requests than there are");
	for (int i = 0; i < n && rc == 0; i++) {
		rc = rsp_take(q);
		/* One that sleeps is woken once, for all of them: each time costs it more. */
		if (q->unpushed >= KICK_EVERY && rc == 0 && ring_front_push_is_quiet(&q->ring))
			rc = blkfront_queue_kick(q);
	}
	return rc < 0 ? bq_fail_all(q, rc) : n;
}

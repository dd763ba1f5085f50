// SPDX-License-Identifier: MIT
/*
 * From ring slots to storage requests to responses. Runs in the queue's thread.
 *
 * Everything in a slot, in an indirect page and in a data page is the frontend's and
 * may change at any time: slots and descriptors are copied once and the copy is what
 * is checked and used (XSA-155); data is only moved, never interpreted.
 *
 * A sweep handles its requests stage by stage, so that each stage makes one call for
 * all of them: take, descriptors of indirect requests, mapping of grants not seen
 * before, copies in for writes, submission. request-map.c has the data, request-hold.c
 * what makes requests wait, request-answer.c the way back.
 */
#include "config.h"
#include "backends/blk/queue-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "backends/common/metrics.h"

/* More than a request has segments; a fuller batch runs early. */
#define REQUEST_COPY_OPS 4096u
/* A mapping of 16384 pages is 64 MiB of the frontend's memory. */
#define REQUEST_MAX_GRANTS 16384u
#define REQUEST_MIN_GRANTS 1056u

static uint32_t request_grant_cap(const struct queue *q)
{
	/* A frontend uses each ring slot's segments again, and its descriptor page. */
	uint32_t per_slot = q->setup.limits.max_indirect ? q->setup.limits.max_indirect + 1u :
							   BLKIF_MAX_SEGMENTS_PER_REQUEST;
	uint32_t cap = q->ring.nr * per_slot;

	if (!q->setup.persistent)
		return 0;
	if (cap < REQUEST_MIN_GRANTS)
		cap = REQUEST_MIN_GRANTS;
	return cap < REQUEST_MAX_GRANTS ? cap : REQUEST_MAX_GRANTS;
}

int requests_init(struct queue *q)
{
	int rc;

	/* Large parts of each are touched only by the requests that need them. */
	q->requests = calloc(q->ring.nr, sizeof(*q->requests));
	q->descriptors = calloc(QUEUE_BATCH, BLKIF_PAGE_SIZE);
	if (!q->requests || !q->descriptors)
		return -ENOMEM;
	rc = grants_init(&q->grants, q->xgt, q->setup.domid, request_grant_cap(q));
	if (rc == 0)
		rc = copy_init(&q->copy, q->xgt, q->setup.domid, REQUEST_COPY_OPS);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < q->ring.nr; i++) {
		struct request *r = &q->requests[q->ring.nr - 1 - i];

		r->index = q->ring.nr - 1 - i;
		r->bounce = COPY_NONE;
		r->next = q->idle;
		q->idle = r;
	}
	q->idle_count = q->ring.nr;
	q->bad_limit = (struct log_limit){ .burst = 5, .interval_ms = 10000 };
	q->error_limit = (struct log_limit){ .burst = 10, .interval_ms = 10000 };
	return 0;
}

void requests_dispose(struct queue *q)
{
	grants_dispose(&q->grants);
	copy_dispose(&q->copy);
	free(q->requests);
	free(q->descriptors);
	q->requests = NULL;
	q->descriptors = NULL;
}

/* --- taking and checking ---------------------------------------------------- */

static void request_refuse(struct queue *q, struct request *r, enum blkif_verdict verdict)
{
	if (verdict == BLKIF_OK)
		return;
	r->status = blkif_verdict_status(verdict);
	metric_add(&q->metric[QUEUE_REFUSED], 1);
	if (log_limit_ok(&q->bad_limit))
		log_warn("domain %u: queue %u: refused operation %u at sector %" PRIu64 ": %s",
			q->setup.domid, q->setup.index, r->req.operation, r->req.sector,
			blkif_verdict_text(verdict));
}

void request_begin(struct queue *q, struct request *r, const uint8_t *slot)
{
	blkif_decode(q->setup.abi, slot, &r->req);
	r->id = r->req.id;
	r->operation = r->req.operation;
	r->status = BLKIF_RSP_OKAY;
	r->bounce = COPY_NONE;
	r->copied = false;
	r->leads_flush = false;
	r->ordered = false;
	r->retried = false;
	r->barrier = 0;
	r->data_bytes = 0;
	request_refuse(q, r, blkif_check_header(&r->req, &q->setup.limits));
}

static struct request *request_take(struct queue *q, uint64_t now_ns)
{
	struct request *r = q->idle;
	uint32_t ring_index = q->ring.req_cons;
	uint8_t slot[BLKIF_SLOT_MAX];

	q->idle = r->next;
	q->idle_count--;
	ring_back_get(&q->ring, slot);
	journal_take(&q->journal, r->index, ring_index, slot, q->ring.slot_size);
	request_begin(q, r, slot);
	r->taken_ns = now_ns;
	return r;
}

/* --- preparing ---------------------------------------------------------------------- */

static enum blk_op request_blk_op(const struct request *r)
{
	switch (r->req.operation) {
	case BLKIF_OP_READ:
		return BLK_READ;
	case BLKIF_OP_WRITE:
		return BLK_WRITE;
	case BLKIF_OP_WRITE_BARRIER:
		return r->req.nr_segments ? BLK_WRITE : BLK_FLUSH;
	case BLKIF_OP_DISCARD:
		return BLK_DISCARD;
	default:
		return BLK_FLUSH; /* blkif_check_header() let nothing else through */
	}
}

/* The storage operation, but for its buffers. */
static void request_translate(struct queue *q, struct request *r)
{
	uint32_t sectors = 0;
	uint64_t count;

	if (!request_is_live(r))
		return;
	request_refuse(q, r, blkif_check_segments(&r->req, &q->setup.limits, &sectors));
	r->data_bytes = sectors * BLKIF_SECTOR_SIZE;
	if (r->req.indirect)
		metric_add(&q->metric[QUEUE_INDIRECT], 1);
	count = sectors;
	if (r->operation == BLKIF_OP_DISCARD)
		count = r->req.nr_sectors;
	r->io.op = request_blk_op(r);
	/* Other flags did not pass the check. */
	r->io.flags = r->operation == BLKIF_OP_DISCARD && r->req.flag ? BLK_REQ_SECURE : 0;
	r->io.offset = count ? r->req.sector * BLKIF_SECTOR_SIZE : 0;
	r->io.length = count * BLKIF_SECTOR_SIZE;
	r->io.iov = r->iov;
	r->io.niov = 0;
}

/* --- submission --------------------------------------------------------------------- */

/* Fill the batch with those that waited for room and fit now, oldest first. */
static void request_retry_waiting(struct queue *q)
{
	while (q->waiting.first && q->nbatch < QUEUE_BATCH) {
		if (!request_prepare(q, q->waiting.first))
			return;
		q->batch[q->nbatch++] = request_list_take(&q->waiting);
	}
}

/* The disk may have another size than at the last sweep. Acquire: pairs with device_tell_size(). */
static void request_learn_size(struct queue *q)
{
	q->setup.limits.sectors = __atomic_load_n(&q->shared->sectors, __ATOMIC_ACQUIRE);
}

static unsigned request_take_batch(struct queue *q)
{
	int waiting = ring_back_pending(&q->ring);
	uint64_t now_ns = waiting > 0 ? spin_now_ns() : 0;

	/* After the ring's index: a guest may have been told of more sectors before it sent these. */
	request_learn_size(q);
	if (waiting < 0) {
		queue_fail(q, "domain %u broke the rules of ring %u: its request index is out of range",
			q->setup.domid, q->setup.index);
		return 0;
	}
	while (waiting-- > 0 && q->nbatch < QUEUE_BATCH && q->idle)
		q->batch[q->nbatch++] = request_take(q, now_ns);
	return q->nbatch;
}

/* What is next: what a predecessor left, which the frontend sent before all that is new. */
static unsigned request_next_batch(struct queue *q, bool take)
{
	q->nbatch = 0;
	if (requests_are_replaying(q)) {
		request_learn_size(q);
		(void)request_replay_batch(q);
	} else if (take) {
		(void)request_take_batch(q);
	}
	if (q->nbatch)
		request_order_batch(q);
	return q->nbatch;
}

/* New requests of the batch, up to their buffers; those without room leave it. */
static void request_prepare_batch(struct queue *q)
{
	unsigned kept = 0;

	request_fetch_descriptors(q);
	for (unsigned i = 0; i < q->nbatch; i++)
		request_translate(q, q->batch[i]);
	request_map_batch(q, STAGE_DATA);
	for (unsigned i = 0; i < q->nbatch; i++) {
		/* Behind others that wait: small requests must not starve a large one. */
		bool must_wait = q->waiting.first && request_is_live(q->batch[i]) && q->batch[i]->copied;

		if (must_wait || !request_prepare(q, q->batch[i]))
			request_list_add(&q->waiting, q->batch[i]);
		else
			q->batch[kept++] = q->batch[i];
	}
	q->nbatch = kept;
}

static void request_submit_batch(struct queue *q)
{
	/* Writes' data is in before storage sees them. */
	grant_copy_run(&q->copy.batch, request_copy_failed, q);
	for (unsigned i = 0; i < q->nbatch; i++)
		request_start(q, q->batch[i]);
}

bool requests_sweep(struct queue *q, bool take)
{
	bool any = false;

	q->nbatch = 0;
	if (q->waiting.first) {
		request_retry_waiting(q);
		any = q->nbatch > 0;
		request_submit_batch(q);
	}
	if (request_next_batch(q, take)) {
		any = true;
		metric_add(&q->metric[QUEUE_SWEEPS], 1);
		request_prepare_batch(q);
		request_submit_batch(q);
		metric_set(&q->shown->in_flight, requests_in_flight(q));
		metric_set(&q->shown->grants, q->grants.used);
	}
	any |= requests_unthrottle(q);
	if (any)
		io_kick(&q->io);
	return any;
}

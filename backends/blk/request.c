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
 * before, copies in for writes, submission.
 */
#include "config.h"
#include "backends/blk/queue-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backends/common/metrics.h"
#include "common/array.h"

/* More than a request has segments; a fuller batch runs early. */
#define REQUEST_COPY_OPS 4096u
/* A mapping of 16384 pages is 64 MiB of the frontend's memory. */
#define REQUEST_MAX_GRANTS 16384u
#define REQUEST_MIN_GRANTS 1056u

enum stage { STAGE_DESCRIPTORS, STAGE_DATA };

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
	q->waiting_tail = &q->waiting;
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

static bool request_is_live(const struct request *r)
{
	return r->status == BLKIF_RSP_OKAY;
}

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

static struct request *request_take(struct queue *q)
{
	struct request *r = q->idle;
	uint32_t ring_index = q->ring.req_cons;
	uint8_t slot[BLKIF_SLOT_MAX];

	q->idle = r->next;
	q->idle_count--;
	ring_back_get(&q->ring, slot);
	journal_take(&q->journal, r->index, ring_index, slot, q->ring.slot_size);
	blkif_decode(q->setup.abi, slot, &r->req);
	r->id = r->req.id;
	r->operation = r->req.operation;
	r->status = BLKIF_RSP_OKAY;
	r->bounce = COPY_NONE;
	r->copied = false;
	request_refuse(q, r, blkif_check_header(&r->req, &q->setup.limits));
	return r;
}

/* --- grants ------------------------------------------------------------------- */

static bool request_want(struct queue *q, const struct request *r, enum stage stage)
{
	unsigned n = stage == STAGE_DATA ? r->req.nr_segments : blkif_indirect_pages(&r->req);

	for (unsigned i = 0; i < n; i++) {
		uint32_t gref = stage == STAGE_DATA ? r->req.seg[i].gref :
						      r->req.indirect_gref[i];

		if (!grants_want(&q->grants, gref))
			return false;
	}
	return true;
}

static bool request_has_stage(const struct request *r, enum stage stage)
{
	if (!request_is_live(r))
		return false;
	return stage == STAGE_DATA ? r->req.nr_segments > 0 : r->req.indirect;
}

/*
 * Map what the batch needs and was not seen before, with one call. If that fails,
 * some reference in it is bad or there is no room: then request by request, and those
 * that still fail are copied, where a reference that is really bad fails on its own
 * (rule 12: every element is checked, nothing else suffers).
 */
static void request_map_batch(struct queue *q, enum stage stage)
{
	for (unsigned i = 0; i < q->nbatch; i++) {
		struct request *r = q->batch[i];

		if (request_has_stage(r, stage))
			r->copied = !request_want(q, r, stage);
	}
	if (grants_map(&q->grants) == 0)
		return;
	for (unsigned i = 0; i < q->nbatch; i++) {
		struct request *r = q->batch[i];

		if (!request_has_stage(r, stage))
			continue;
		r->copied = !request_want(q, r, stage);
		if (grants_map(&q->grants) < 0) {
			grants_pause(&q->grants);
			r->copied = true;
		}
	}
}

static void request_copy_failed(void *opaque, uint32_t owner, int status)
{
	struct queue *q = opaque;
	struct request *r = &q->requests[owner];

	if (!request_is_live(r))
		return;
	r->status = BLKIF_RSP_ERROR;
	metric_add(&q->metric[QUEUE_ERRORS], 1);
	if (log_limit_ok(&q->bad_limit))
		log_warn("domain %u: queue %u: a granted page could not be accessed (status %d)",
			q->setup.domid, q->setup.index, status);
}

static void request_copy_reserve(struct queue *q, uint32_t ops)
{
	if (!copy_room(&q->copy, ops))
		copy_run(&q->copy, request_copy_failed, q);
}

/* --- indirect descriptors ------------------------------------------------------- */

/* Bytes of descriptors; with 256 segments at most they are in one page. */
static unsigned request_descriptor_bytes(const struct request *r)
{
	return r->req.nr_segments * sizeof(struct blkif_request_segment);
}
_Static_assert(BLKIF_INDIRECT_SEGMENTS <= BLKIF_SEGMENTS_PER_PAGE, "one descriptor page");

static void request_fetch_descriptors(struct queue *q)
{
	request_map_batch(q, STAGE_DESCRIPTORS);
	for (unsigned i = 0; i < q->nbatch; i++) {
		struct request *r = q->batch[i];
		uint8_t *copy = q->descriptors + (size_t)i * BLKIF_PAGE_SIZE;

		if (!request_has_stage(r, STAGE_DESCRIPTORS))
			continue;
		/* Once: from here on only the copy counts, whatever the page becomes. */
		if (r->copied)
			copy_from(&q->copy, r->req.indirect_gref[0], 0, copy,
				request_descriptor_bytes(r), r->index);
		else
			memcpy(copy, grants_find(&q->grants, r->req.indirect_gref[0]),
				request_descriptor_bytes(r));
	}
	copy_run(&q->copy, request_copy_failed, q);
	for (unsigned i = 0; i < q->nbatch; i++)
		if (request_has_stage(q->batch[i], STAGE_DESCRIPTORS))
			blkif_decode_segments(&q->batch[i]->req, 0,
				q->descriptors + (size_t)i * BLKIF_PAGE_SIZE);
}

/* --- data ------------------------------------------------------------------------- */

static unsigned segment_bytes(const struct blkif_segment *s)
{
	return (s->last_sect - s->first_sect + 1u) * BLKIF_SECTOR_SIZE;
}

static unsigned segment_offset(const struct blkif_segment *s)
{
	return s->first_sect * BLKIF_SECTOR_SIZE;
}

/* The iovec over mapped pages; neighbours in memory become one element. */
static void request_map_iov(struct queue *q, struct request *r)
{
	struct iovec *v = r->iov;
	unsigned n = 0;

	for (unsigned i = 0; i < r->req.nr_segments; i++) {
		const struct blkif_segment *s = &r->req.seg[i];
		uint8_t *base = grants_find(&q->grants, s->gref) + segment_offset(s);

		if (n && (uint8_t *)v[n - 1].iov_base + v[n - 1].iov_len == base)
			v[n - 1].iov_len += segment_bytes(s);
		else
			v[n++] = (struct iovec){ base, segment_bytes(s) };
	}
	r->io.niov = n;
}

enum direction { COPY_IN, COPY_OUT };

static void request_stage_copies(struct queue *q, struct request *r, enum direction direction)
{
	uint8_t *at = copy_page(&q->copy, r->bounce);

	request_copy_reserve(q, r->req.nr_segments);
	for (unsigned i = 0; i < r->req.nr_segments; i++) {
		const struct blkif_segment *s = &r->req.seg[i];

		if (direction == COPY_IN)
			copy_from(&q->copy, s->gref, segment_offset(s), at, segment_bytes(s),
				r->index);
		else
			copy_to(&q->copy, s->gref, segment_offset(s), at, segment_bytes(s),
				r->index);
		at += segment_bytes(s);
	}
}

/* A buffer of our own, all segments packed. False: the arena has no room now. */
static bool request_bounce_iov(struct queue *q, struct request *r)
{
	uint32_t pages = (r->io.length + BLKIF_PAGE_SIZE - 1) / BLKIF_PAGE_SIZE;

	r->bounce = copy_alloc(&q->copy, pages);
	if (r->bounce == COPY_NONE)
		return false;
	r->bounce_pages = pages;
	r->iov[0] = (struct iovec){ copy_page(&q->copy, r->bounce), r->io.length };
	r->io.niov = 1;
	metric_add(&q->metric[QUEUE_COPIED], 1);
	if (r->io.op == BLK_WRITE)
		request_stage_copies(q, r, COPY_IN);
	return true;
}

static enum blk_op request_blk_op(const struct request *r)
{
	switch (r->req.operation) {
	case BLKIF_OP_READ:
		return BLK_READ;
	case BLKIF_OP_WRITE:
		return BLK_WRITE;
	default:
		return BLK_FLUSH; /* blkif_check_header() let nothing else through */
	}
}

/* The storage operation, but for its buffers. */
static void request_translate(struct queue *q, struct request *r)
{
	uint32_t sectors = 0;

	if (!request_is_live(r))
		return;
	request_refuse(q, r, blkif_check_segments(&r->req, &q->setup.limits, &sectors));
	r->io.op = request_blk_op(r);
	r->io.offset = sectors ? r->req.sector * BLKIF_SECTOR_SIZE : 0;
	r->io.length = (uint64_t)sectors * BLKIF_SECTOR_SIZE;
	r->io.iov = r->iov;
	r->io.niov = 0;
}

/* False: it has to wait for room in the arena. */
static bool request_prepare(struct queue *q, struct request *r)
{
	if (!request_is_live(r) || r->req.nr_segments == 0)
		return true;
	if (r->copied)
		return request_bounce_iov(q, r);
	request_map_iov(q, r);
	return true;
}

/* --- submission --------------------------------------------------------------------- */

static void request_submit(struct queue *q, struct request *r)
{
	int flush_error = __atomic_load_n(&q->shared->flush_error, __ATOMIC_ACQUIRE);

	if (!request_is_live(r))
		io_finish(&q->io, &r->io, 0);
	else if (r->io.op == BLK_FLUSH && flush_error)
		io_finish(&q->io, &r->io, flush_error);
	else
		io_submit(&q->io, &r->io);
}

/* Fill the batch with those that waited for room and fit now, oldest first. */
static void request_retry_waiting(struct queue *q)
{
	while (q->waiting && q->nbatch < QUEUE_BATCH) {
		struct request *r = q->waiting;

		if (!request_prepare(q, r))
			return;
		q->waiting = r->next;
		if (!q->waiting)
			q->waiting_tail = &q->waiting;
		q->batch[q->nbatch++] = r;
	}
}

static void request_wait(struct queue *q, struct request *r)
{
	r->next = NULL;
	*q->waiting_tail = r;
	q->waiting_tail = &r->next;
}

static unsigned request_take_batch(struct queue *q)
{
	int waiting = ring_back_pending(&q->ring);

	q->nbatch = 0;
	if (waiting < 0) {
		queue_fail(q, "domain %u broke the rules of ring %u: its request index is out of range",
			q->setup.domid, q->setup.index);
		return 0;
	}
	while (waiting-- > 0 && q->nbatch < QUEUE_BATCH && q->idle)
		q->batch[q->nbatch++] = request_take(q);
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
		bool must_wait = q->waiting && request_is_live(q->batch[i]) && q->batch[i]->copied;

		if (must_wait || !request_prepare(q, q->batch[i]))
			request_wait(q, q->batch[i]);
		else
			q->batch[kept++] = q->batch[i];
	}
	q->nbatch = kept;
}

static void request_submit_batch(struct queue *q)
{
	/* Writes' data is in before storage sees them. */
	copy_run(&q->copy, request_copy_failed, q);
	for (unsigned i = 0; i < q->nbatch; i++)
		request_submit(q, q->batch[i]);
}

bool requests_sweep(struct queue *q, bool take)
{
	bool any = false;

	q->nbatch = 0;
	if (q->waiting) {
		request_retry_waiting(q);
		any = q->nbatch > 0;
		request_submit_batch(q);
	}
	if (take && request_take_batch(q)) {
		any = true;
		metric_add(&q->metric[QUEUE_SWEEPS], 1);
		request_prepare_batch(q);
		request_submit_batch(q);
	}
	if (any)
		io_kick(&q->io);
	return any;
}

/* --- answers -------------------------------------------------------------------------- */

static void request_flush_failed(struct queue *q, int error)
{
	int none = 0;

	if (!__atomic_compare_exchange_n(&q->shared->flush_error, &none, error, false,
		    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	journal_note_flush_error(q->shared->journal, error);
	log_err("a flush failed: %s; acknowledged writes may be lost, so every flush fails until the disk is attached again",
		strerror(-error));
}

static void request_storage_failed(struct queue *q, struct request *r)
{
	static const char *const names[] = { "read", "write", "flush", "discard", "zero" };

	if (r->io.op == BLK_FLUSH)
		request_flush_failed(q, r->io.error);
	/* Never EOPNOTSUPP: for a flush frontends take that as success, and flush no more. */
	r->status = BLKIF_RSP_ERROR;
	metric_add(&q->metric[QUEUE_ERRORS], 1);
	if (log_limit_ok(&q->error_limit))
		log_err("%s of %" PRIu64 " bytes at %" PRIu64 " failed: %s", names[r->io.op],
			r->io.length, r->io.offset, strerror(-r->io.error));
}

static void request_count(struct queue *q, const struct request *r)
{
	if (!request_is_live(r))
		return;
	switch (r->io.op) {
	case BLK_READ:
		metric_add(&q->metric[QUEUE_READS], 1);
		metric_add(&q->metric[QUEUE_READ_BYTES], r->io.length);
		break;
	case BLK_WRITE:
		metric_add(&q->metric[QUEUE_WRITES], 1);
		metric_add(&q->metric[QUEUE_WRITTEN_BYTES], r->io.length);
		break;
	default:
		metric_add(&q->metric[QUEUE_FLUSHES], 1);
		break;
	}
}

static void request_answer(struct queue *q, struct request *r)
{
	struct blkif_rsp rsp = { .id = r->id, .operation = r->operation, .status = r->status };
	uint8_t out[BLKIF_SLOT_MAX];

	request_count(q, r);
	if (r->bounce != COPY_NONE)
		copy_free(&q->copy, r->bounce, r->bounce_pages);
	r->bounce = COPY_NONE;
	if (q->failure[0])
		return; /* nobody reads a broken ring */
	journal_answer(&q->journal, r->index, q->ring.rsp_prod, r->status);
	blkif_encode_rsp(q->setup.abi, &rsp, out);
	ring_back_put(&q->ring, out, blkif_rsp_size(q->setup.abi));
}

static struct request *request_done_list(struct queue *q)
{
	struct request *list = NULL, **tail = &list;

	for (struct blk_req *io = io_take_done(&q->io); io; io = io->next) {
		struct request *r = container_of(io, struct request, io);

		*tail = r;
		tail = &r->next;
	}
	*tail = NULL;
	return list;
}

static void request_push(struct queue *q)
{
	if (!ring_back_push(&q->ring))
		return;
	metric_add(&q->metric[QUEUE_NOTIFICATIONS], 1);
	if (xenevtchn_notify(q->xce, q->port) < 0)
		queue_fail(q, "the event channel of ring %u cannot be signalled: %s",
			q->setup.index, strerror(errno));
}

bool requests_finish(struct queue *q)
{
	struct request *list = request_done_list(q);
	struct request *r;

	if (!list)
		return false;
	for (r = list; r; r = r->next) {
		if (request_is_live(r) && r->io.error)
			request_storage_failed(q, r);
		else if (request_is_live(r) && r->bounce != COPY_NONE && r->io.op == BLK_READ)
			request_stage_copies(q, r, COPY_OUT);
	}
	copy_run(&q->copy, request_copy_failed, q);
	for (r = list; r; r = r->next)
		request_answer(q, r);
	if (!q->failure[0])
		request_push(q);
	while ((r = list)) {
		list = r->next;
		journal_commit(&q->journal, r->index);
		r->next = q->idle;
		q->idle = r;
		q->idle_count++;
	}
	return true;
}

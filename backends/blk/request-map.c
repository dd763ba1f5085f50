// SPDX-License-Identifier: MIT
/*
 * Where a request's data are: persistent grants mapped in place, or a buffer of ours that
 * grant copy fills and empties. Runs in the queue's thread. Descriptors of indirect
 * requests are copied once and only the copy counts (XSA-155).
 */
#include "config.h"
#include "backends/blk/queue-private.h"

#include <string.h>

#include "backends/common/metrics.h"

/* --- grants ------------------------------------------------------------------- */

static bool request_want(struct queue *q, const struct request *r, enum request_stage stage)
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

static bool request_has_stage(const struct request *r, enum request_stage stage)
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
void request_map_batch(struct queue *q, enum request_stage stage)
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

void request_copy_failed(void *opaque, uint32_t owner, int status)
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
	if (!grant_copy_room(&q->copy.batch, ops))
		grant_copy_run(&q->copy.batch, request_copy_failed, q);
}

/* --- indirect descriptors ------------------------------------------------------- */

/* Bytes of descriptors; with 256 segments at most they are in one page. */
static unsigned request_descriptor_bytes(const struct request *r)
{
	return r->req.nr_segments * sizeof(struct blkif_request_segment);
}
_Static_assert(BLKIF_INDIRECT_SEGMENTS <= BLKIF_SEGMENTS_PER_PAGE, "one descriptor page");

void request_fetch_descriptors(struct queue *q)
{
	request_map_batch(q, STAGE_DESCRIPTORS);
	for (unsigned i = 0; i < q->nbatch; i++) {
		struct request *r = q->batch[i];
		uint8_t *copy = q->descriptors + (size_t)i * BLKIF_PAGE_SIZE;

		if (!request_has_stage(r, STAGE_DESCRIPTORS))
			continue;
		/* Once: from here on only the copy counts, whatever the page becomes. */
		if (r->copied)
			grant_copy_from(&q->copy.batch, r->req.indirect_gref[0], 0, copy,
				request_descriptor_bytes(r), r->index);
		else
			memcpy(copy, grants_find(&q->grants, r->req.indirect_gref[0]),
				request_descriptor_bytes(r));
	}
	grant_copy_run(&q->copy.batch, request_copy_failed, q);
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

void request_stage_copies(struct queue *q, struct request *r, enum copy_direction direction)
{
	uint8_t *at = copy_page(&q->copy, r->bounce);

	request_copy_reserve(q, r->req.nr_segments);
	for (unsigned i = 0; i < r->req.nr_segments; i++) {
		const struct blkif_segment *s = &r->req.seg[i];

		if (direction == COPY_IN)
			grant_copy_from(&q->copy.batch, s->gref, segment_offset(s), at, segment_bytes(s),
				r->index);
		else
			grant_copy_to(&q->copy.batch, s->gref, segment_offset(s), at, segment_bytes(s),
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

bool request_prepare(struct queue *q, struct request *r)
{
	if (!request_is_live(r) || r->req.nr_segments == 0)
		return true;
	if (r->copied)
		return request_bounce_iov(q, r);
	request_map_iov(q, r);
	metric_add(&q->metric[QUEUE_MAPPED], 1);
	return true;
}

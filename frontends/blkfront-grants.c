// SPDX-License-Identifier: MIT
/*
 * The frontend's granted memory: per queue the ring, and one pool of buffers in which
 * each slot owns the same run of pages for the handle's life. A backend that maps
 * persistently therefore meets the same references in the same order each time.
 *
 * The backend can write into all of it at any time; nothing here is ever read
 * back to decide anything.
 */
#include "config.h"
#include "frontends/blkfront-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define POOL_MIN_SEGMENTS BLKIF_MAX_SEGMENTS_PER_REQUEST

static int share_ring(struct blkfront_queue *q)
{
	struct blkfront *bf = q->bf;
	unsigned pages = 1u << bf->ring_order;
	int rc;

	q->ring_pages = xengntshr_share_pages(bf->xgs, bf->xf.backend_id, pages, q->ring_refs, 1);
	if (!q->ring_pages) {
		rc = errno ? -errno : -ENOSPC;
		return xenfront_why(&bf->xf, rc, "cannot grant %u ring pages to domain %u: %s", pages,
			bf->xf.backend_id, strerror(-rc));
	}
	rc = ring_front_init(&q->ring, q->ring_pages, (size_t)pages * BLKIF_PAGE_SIZE,
		blkif_slot_size(bf->abi));
	if (rc < 0)
		return xenfront_why(&bf->xf, rc, "no request fits the ring");
	return 0;
}

int bf_share_rings(struct blkfront *bf)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < bf->nr_queues; i++)
		rc = share_ring(&bf->queues[i]);
	return rc;
}

static unsigned pool_size(const struct blkfront *bf)
{
	return bf->info.depth * (bf->info.max_segments + bf->info.indirect);
}

static void pool_end(struct blkfront_queue *q)
{
	if (q->pool)
		xengntshr_unshare(q->bf->xgs, q->pool, q->pool_pages);
	q->pool = NULL;
	free(q->pool_refs);
	q->pool_refs = NULL;
}

/* 0, -ENOMEM, or why the pages cannot be granted. */
static int pool_grant(struct blkfront_queue *q, unsigned pages)
{
	struct blkfront *bf = q->bf;

	q->pool_refs = calloc(pages, sizeof(*q->pool_refs));
	if (!q->pool_refs)
		return -ENOMEM;
	q->pool = xengntshr_share_pages(bf->xgs, bf->xf.backend_id, pages, q->pool_refs, 1);
	q->pool_pages = pages;
	if (q->pool)
		return 0;
	return errno ? -errno : -ENOSPC;
}

/* All queues' pools of one size, or none. */
static int pools_grant(struct blkfront *bf)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < bf->nr_queues; i++)
		rc = pool_grant(&bf->queues[i], pool_size(bf));
	for (unsigned i = 0; rc < 0 && i < bf->nr_queues; i++)
		pool_end(&bf->queues[i]);
	return rc;
}

/*
 * A domain may grant only so many pages (gntalloc's "limit", the hypervisor's
 * max_pages): smaller requests are better than no disk.
 */
static int pools_fit(struct blkfront *bf)
{
	unsigned wanted = bf->info.max_segments;
	int rc;

	while ((rc = pools_grant(bf)) < 0) {
		if (rc == -ENOMEM || bf->info.max_segments <= POOL_MIN_SEGMENTS)
			return xenfront_why(&bf->xf, rc, "cannot grant %u pages to domain %u: %s; raise "
				"the domain's limit on granted pages or lower the depth",
				pool_size(bf) * bf->nr_queues, bf->xf.backend_id, strerror(-rc));
		bf->info.max_segments /= 2;
		if (bf->info.max_segments <= POOL_MIN_SEGMENTS) {
			bf->info.max_segments = POOL_MIN_SEGMENTS;
			bf->info.indirect = false;
		}
	}
	if (bf->info.max_segments < wanted)
		log_info("requests cut from %u to %u pages: the domain may not grant more", wanted,
			bf->info.max_segments);
	return 0;
}

static void slot_init(struct blkfront_queue *q, unsigned i)
{
	const struct blkfront_info *info = &q->bf->info;
	struct bf_slot *slot = &q->slots[i];
	unsigned first = i * info->max_segments;
	unsigned indirect = q->nr_slots * info->max_segments + i;

	slot->io.data = q->pool + (size_t)first * BLKIF_PAGE_SIZE;
	slot->refs = q->pool_refs + first;
	if (info->indirect) {
		slot->indirect_page = q->pool + (size_t)indirect * BLKIF_PAGE_SIZE;
		slot->indirect_ref = q->pool_refs[indirect];
	}
	/* The first slots are used first: their pages stay in the caches. */
	q->idle[q->nr_slots - 1 - i] = slot;
}

static int make_slots(struct blkfront_queue *q)
{
	unsigned n = q->bf->info.depth;

	q->slots = calloc(n, sizeof(*q->slots));
	q->idle = calloc(n, sizeof(*q->idle));
	if (!q->slots || !q->idle)
		return xenfront_why(&q->bf->xf, -ENOMEM, "no memory for %u requests", n);
	q->nr_slots = n;
	for (unsigned i = 0; i < n; i++)
		slot_init(q, i);
	q->nr_idle = n;
	return 0;
}

int bf_share_pools(struct blkfront *bf)
{
	int rc = pools_fit(bf);

	for (unsigned i = 0; rc == 0 && i < bf->nr_queues; i++)
		rc = make_slots(&bf->queues[i]);
	return rc;
}

static void queue_unshare(struct blkfront_queue *q)
{
	pool_end(q);
	if (q->ring_pages)
		xengntshr_unshare(q->bf->xgs, q->ring_pages, 1u << q->bf->ring_order);
	q->ring_pages = NULL;
	free(q->slots);
	free(q->idle);
	q->slots = NULL;
	q->idle = NULL;
	q->nr_idle = 0;
}

void bf_unshare(struct blkfront *bf)
{
	for (unsigned i = 0; bf->queues && i < bf->config.queues; i++)
		queue_unshare(&bf->queues[i]);
}

// SPDX-License-Identifier: MIT
/*
 * The frontend's granted memory: the ring, and one pool of buffers in which each
 * slot owns the same run of pages for the handle's life. A backend that maps
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

int bf_share_ring(struct blkfront *bf)
{
	unsigned pages = 1u << bf->ring_order;
	int rc;

	bf->ring_pages = xengntshr_share_pages(bf->xgs, bf->backend_id, pages, bf->ring_refs, 1);
	if (!bf->ring_pages) {
		rc = -errno;
		return bf_why(bf, rc, "cannot grant %u ring pages to domain %u: %m", pages,
			bf->backend_id);
	}
	rc = ring_front_init(&bf->ring, bf->ring_pages, (size_t)pages * BLKIF_PAGE_SIZE,
		blkif_slot_size(bf->abi));
	if (rc < 0)
		return bf_why(bf, rc, "no request fits the ring");
	return 0;
}

static unsigned pool_size(const struct blkfront *bf)
{
	return bf->nr_slots * (bf->info.max_segments + bf->info.indirect);
}

/*
 * A domain may grant only so many pages (gntalloc's "limit", the hypervisor's
 * max_pages): smaller requests are better than no disk.
 */
static int pool_grant(struct blkfront *bf)
{
	unsigned wanted = bf->info.max_segments;

	for (;;) {
		unsigned pages = pool_size(bf);

		free(bf->pool_refs);
		bf->pool_refs = calloc(pages, sizeof(*bf->pool_refs));
		if (!bf->pool_refs)
			return bf_why(bf, -ENOMEM, "no memory for %u grant references", pages);
		bf->pool = xengntshr_share_pages(bf->xgs, bf->backend_id, pages, bf->pool_refs, 1);
		if (bf->pool) {
			bf->pool_pages = pages;
			break;
		}
		if (bf->info.max_segments <= POOL_MIN_SEGMENTS) {
			int rc = errno ? -errno : -ENOSPC;

			return bf_why(bf, rc, "cannot grant %u pages to domain %u: %s; raise "
				"the domain's limit on granted pages or lower the depth",
				pages, bf->backend_id, strerror(-rc));
		}
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

static void slot_init(struct blkfront *bf, unsigned i)
{
	struct bf_slot *slot = &bf->slots[i];
	unsigned first = i * bf->info.max_segments;
	unsigned indirect = bf->nr_slots * bf->info.max_segments + i;

	slot->io.data = bf->pool + (size_t)first * BLKIF_PAGE_SIZE;
	slot->refs = bf->pool_refs + first;
	if (bf->info.indirect) {
		slot->indirect_page = bf->pool + (size_t)indirect * BLKIF_PAGE_SIZE;
		slot->indirect_ref = bf->pool_refs[indirect];
	}
	/* The first slots are used first: their pages stay in the caches. */
	bf->idle[bf->nr_slots - 1 - i] = slot;
}

int bf_share_pool(struct blkfront *bf)
{
	int rc = pool_grant(bf);

	if (rc < 0)
		return rc;
	bf->slots = calloc(bf->nr_slots, sizeof(*bf->slots));
	bf->idle = calloc(bf->nr_slots, sizeof(*bf->idle));
	if (!bf->slots || !bf->idle)
		return bf_why(bf, -ENOMEM, "no memory for %u requests", bf->nr_slots);
	for (unsigned i = 0; i < bf->nr_slots; i++)
		slot_init(bf, i);
	bf->nr_idle = bf->nr_slots;
	return 0;
}

void bf_unshare(struct blkfront *bf)
{
	if (bf->pool)
		xengntshr_unshare(bf->xgs, bf->pool, bf->pool_pages);
	if (bf->ring_pages)
		xengntshr_unshare(bf->xgs, bf->ring_pages, 1u << bf->ring_order);
	bf->pool = NULL;
	bf->ring_pages = NULL;
	free(bf->pool_refs);
	free(bf->slots);
	free(bf->idle);
	bf->pool_refs = NULL;
	bf->slots = NULL;
	bf->idle = NULL;
	bf->nr_idle = 0;
}

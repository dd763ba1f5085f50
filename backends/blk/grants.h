/* SPDX-License-Identifier: MIT */
/*
 * The persistent grants of one queue: pages of the frontend that stay mapped,
 * writable, until disconnect (xen/io/blkif.h, feature-persistent). Only used after
 * both sides negotiated it. One thread.
 *
 * A sweep asks for all the pages that it has not seen with grants_want(), then maps
 * them with one call, in the order asked: pages of one request lie side by side.
 */
#ifndef SLUICE_BACKENDS_BLK_GRANTS_H
#define SLUICE_BACKENDS_BLK_GRANTS_H

#include <stdbool.h>
#include <stdint.h>

#include <xengnttab.h>

#include "common/cleanup.h"

struct grants_page {
	uint32_t gref;
	uint32_t next;  /* index + 1 in the chain, 0 ends it */
	uint8_t *page;  /* NULL: asked for, not mapped yet */
};

struct grants_extent {
	void *start;
	uint32_t pages;
};

/** struct grants - fields are private. */
struct grants {
	xengnttab_handle *xgt;
	uint32_t domid;
	uint32_t cap;             /* pages */
	uint32_t used;            /* entries of page[]; the last nwanted are not mapped */
	uint32_t nwanted;
	uint32_t mask;
	uint32_t *head;           /* hash chains, index + 1 */
	struct grants_page *page;
	struct grants_extent *extent; /* what one call mapped must be unmapped by one */
	uint32_t nextents;
	uint32_t *refs;           /* scratch for one call, cap entries */
	uint32_t pause;           /* so many new references are not taken: see grants_pause() */
};

/** grants_init() - @cap pages at most; 0 or -ENOMEM. @xgt stays the caller's. */
int grants_init(struct grants *g, xengnttab_handle *xgt, uint32_t domid, uint32_t cap) must_check;
/** grants_dispose() - unmap everything, free; may run twice. After the last I/O on the pages. */
void grants_dispose(struct grants *g);

/** grants_find() - the mapped page of a grant; NULL: not mapped. */
uint8_t *grants_find(const struct grants *g, uint32_t gref);

/** grants_want() - map @gref in the next grants_map(). False: cap reached, or paused. */
bool grants_want(struct grants *g, uint32_t gref);

/**
 * grants_map() - map all that was wanted, all or nothing.
 *
 * Return: 0 or -errno; after a failure none of the wanted is known any more.
 */
int grants_map(struct grants *g) must_check;

/**
 * grants_pause() - after a failure: take no new references for a while.
 *
 * Where mapping fails because the host's room for it is spent, or a frontend names bad
 * references on purpose, trying again with every request would cost more than copying.
 */
void grants_pause(struct grants *g);

/** grants_forget_wanted() - drop what was wanted since the last grants_map(). */
void grants_forget_wanted(struct grants *g);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Grant copy for what is not persistently mapped: an arena of pages of our own that
 * requests take their buffers from, and a batch of copy operations that is done by
 * one call per sweep and direction. One thread.
 */
#ifndef SLUICE_BACKENDS_BLK_COPY_H
#define SLUICE_BACKENDS_BLK_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include <xengnttab.h>

#include "common/cleanup.h"

#define COPY_ARENA_PAGES 2048u /* 8 MiB of address space; memory only where used */
#define COPY_NONE UINT32_MAX

/** struct copy - fields are private. */
struct copy {
	xengnttab_handle *xgt;
	uint32_t domid;
	uint8_t *arena;
	uint64_t free[COPY_ARENA_PAGES / 64]; /* a bit per free page */
	uint32_t in_use;     /* pages */
	uint32_t dirty_top;  /* pages below it may hold memory */
	struct xengnttab_grant_copy_segment *op;
	uint32_t *owner;     /* the request that an operation belongs to */
	uint32_t nops, max_ops;
};

/** copy_init() - 0 or -ENOMEM. @max_ops: operations per batch at most. */
int copy_init(struct copy *c, xengnttab_handle *xgt, uint32_t domid, uint32_t max_ops) must_check;
/** copy_dispose() - may run twice. */
void copy_dispose(struct copy *c);

/** copy_alloc() - @pages (1 to 256) adjacent pages; COPY_NONE: not now. */
uint32_t copy_alloc(struct copy *c, uint32_t pages);
void copy_free(struct copy *c, uint32_t first, uint32_t pages);
/** copy_page() - the address of an arena page. */
static inline uint8_t *copy_page(const struct copy *c, uint32_t page)
{
	return c->arena + (size_t)page * 4096;
}
/** copy_trim() - give the arena's memory back to the system, when no page is in use. */
void copy_trim(struct copy *c);

/** copy_from() - stage a copy of @len bytes at @offset of a granted page to @to. */
void copy_from(struct copy *c, uint32_t gref, unsigned offset, void *to, unsigned len,
	uint32_t owner);
/** copy_to() - stage a copy from @from to a granted page. */
void copy_to(struct copy *c, uint32_t gref, unsigned offset, const void *from, unsigned len,
	uint32_t owner);

/** copy_room() - whether @ops more operations fit the batch. */
static inline bool copy_room(const struct copy *c, uint32_t ops)
{
	return c->max_ops - c->nops >= ops;
}

/**
 * copy_run() - do the batch with one call and empty it.
 * @failed: called for each operation that failed, with its owner and GNTST_* status;
 *	an owner may be named more than once (XSA-361, 362, 365: every element is checked)
 */
void copy_run(struct copy *c, void (*failed)(void *opaque, uint32_t owner, int status),
	void *opaque);

#endif

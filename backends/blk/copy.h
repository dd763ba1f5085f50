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

#include "backends/common/grant-copy.h"

#define COPY_ARENA_PAGES 2048u /* 8 MiB of address space; memory only where used */
#define COPY_NONE UINT32_MAX

/** struct copy - fields are private, but for the batch, whose owners are requests. */
struct copy {
	struct grant_copy batch;
	uint8_t *arena;
	uint64_t free[COPY_ARENA_PAGES / 64]; /* a bit per free page */
	uint32_t in_use;     /* pages */
	uint32_t dirty_top;  /* pages below it may hold memory */
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

#endif

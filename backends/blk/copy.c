// SPDX-License-Identifier: MIT
/* The bounce arena. Runs in the queue's thread. */
#include "config.h"
#include "backends/blk/copy.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "protocol/blkif.h"

#define COPY_WORDS (COPY_ARENA_PAGES / 64)

int copy_init(struct copy *c, xengnttab_handle *xgt, uint32_t domid, uint32_t max_ops)
{
	void *arena;

	*c = (struct copy){ .in_use = 0 };
	arena = mmap(NULL, (size_t)COPY_ARENA_PAGES * BLKIF_PAGE_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena == MAP_FAILED)
		return -ENOMEM;
	c->arena = arena;
	memset(c->free, 0xff, sizeof(c->free));
	if (grant_copy_init(&c->batch, xgt, domid, max_ops) == 0)
		return 0;
	copy_dispose(c);
	return -ENOMEM;
}

void copy_dispose(struct copy *c)
{
	if (c->arena)
		munmap(c->arena, (size_t)COPY_ARENA_PAGES * BLKIF_PAGE_SIZE);
	grant_copy_dispose(&c->batch);
	*c = (struct copy){ 0 };
}

static bool copy_is_free(const struct copy *c, uint32_t page)
{
	return c->free[page / 64] >> (page % 64) & 1;
}

/* The length of the free run at @page, counted up to @want. */
static uint32_t copy_run_length(const struct copy *c, uint32_t page, uint32_t want)
{
	uint32_t n = 0;

	while (n < want && page + n < COPY_ARENA_PAGES && copy_is_free(c, page + n))
		n++;
	return n;
}

static uint32_t copy_find(const struct copy *c, uint32_t from, uint32_t to, uint32_t want)
{
	uint32_t page = from;

	while (page < to) {
		uint64_t word = c->free[page / 64] >> (page % 64);
		uint32_t run;

		if (!word) {
			page = (page / 64 + 1) * 64;
			continue;
		}
		page += __builtin_ctzll(word);
		run = copy_run_length(c, page, want);
		if (run == want)
			return page;
		page += run;
	}
	return COPY_NONE;
}

static void copy_mark(struct copy *c, uint32_t first, uint32_t pages)
{
	for (uint32_t p = first; p < first + pages; p++)
		c->free[p / 64] ^= 1ull << (p % 64);
}

uint32_t copy_alloc(struct copy *c, uint32_t pages)
{
	uint32_t first = copy_find(c, 0, COPY_ARENA_PAGES, pages);

	/* Lowest first: the arena's touched part stays small. */
	if (first == COPY_NONE)
		return COPY_NONE;
	copy_mark(c, first, pages);
	c->in_use += pages;
	if (first + pages > c->dirty_top)
		c->dirty_top = first + pages;
	return first;
}

void copy_free(struct copy *c, uint32_t first, uint32_t pages)
{
	copy_mark(c, first, pages);
	c->in_use -= pages;
}

void copy_trim(struct copy *c)
{
	if (c->in_use || !c->dirty_top)
		return;
	/* Advice: if it is not taken, the memory stays ours. */
	(void)madvise(c->arena, (size_t)c->dirty_top * BLKIF_PAGE_SIZE, MADV_DONTNEED);
	c->dirty_top = 0;
}

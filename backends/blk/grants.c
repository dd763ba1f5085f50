// SPDX-License-Identifier: MIT
/* The cache of persistent grants. Runs in the queue's thread; trusts no gref. */
#include "config.h"
#include "backends/blk/grants.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/log.h"
#include "protocol/blkif.h"

#define GRANTS_PAUSE 1000u

static uint32_t grants_hash(const struct grants *g, uint32_t gref)
{
	return (gref * 0x9e3779b1u >> 7) & g->mask;
}

int grants_init(struct grants *g, xengnttab_handle *xgt, uint32_t domid, uint32_t cap)
{
	uint32_t buckets = 64;

	*g = (struct grants){ .xgt = xgt, .domid = domid, .cap = cap };
	if (!cap)
		return 0;
	while (buckets < cap)
		buckets *= 2;
	g->mask = buckets - 1;
	/* Large and touched as the frontend's working set grows. */
	g->head = calloc(buckets, sizeof(*g->head));
	g->page = calloc(cap, sizeof(*g->page));
	g->extent = calloc(cap, sizeof(*g->extent));
	g->refs = calloc(cap, sizeof(*g->refs));
	if (g->head && g->page && g->extent && g->refs)
		return 0;
	grants_dispose(g);
	return -ENOMEM;
}

void grants_dispose(struct grants *g)
{
	for (uint32_t i = 0; i < g->nextents; i++) {
		struct grants_extent *e = &g->extent[i];

		if (xengnttab_unmap(g->xgt, e->start, e->pages) < 0)
			log_warn("%u persistent grants could not be unmapped: errno %d", e->pages,
				errno);
	}
	free(g->head);
	free(g->page);
	free(g->extent);
	free(g->refs);
	*g = (struct grants){ 0 };
}

static const struct grants_page *grants_entry(const struct grants *g, uint32_t gref)
{
	for (uint32_t i = g->head[grants_hash(g, gref)]; i; i = g->page[i - 1].next)
		if (g->page[i - 1].gref == gref)
			return &g->page[i - 1];
	return NULL;
}

uint8_t *grants_find(const struct grants *g, uint32_t gref)
{
	const struct grants_page *p = g->used ? grants_entry(g, gref) : NULL;

	return p ? p->page : NULL;
}

bool grants_want(struct grants *g, uint32_t gref)
{
	struct grants_page *p;
	uint32_t *head;

	if (!g->cap)
		return false;
	if (grants_entry(g, gref))
		return true;
	if (g->used == g->cap)
		return false;
	if (g->pause) {
		g->pause--;
		return false;
	}
	p = &g->page[g->used++];
	head = &g->head[grants_hash(g, gref)];
	*p = (struct grants_page){ .gref = gref, .next = *head };
	*head = g->used;
	g->nwanted++;
	return true;
}

void grants_pause(struct grants *g)
{
	g->pause = GRANTS_PAUSE;
}

/* The wanted are the youngest of their chains: taken off in reverse order they are heads. */
void grants_forget_wanted(struct grants *g)
{
	for (; g->nwanted; g->nwanted--) {
		struct grants_page *p = &g->page[--g->used];

		g->head[grants_hash(g, p->gref)] = p->next;
	}
}

int grants_map(struct grants *g)
{
	uint32_t first = g->used - g->nwanted;
	uint8_t *start;
	int rc;

	if (!g->nwanted)
		return 0;
	for (uint32_t i = 0; i < g->nwanted; i++)
		g->refs[i] = g->page[first + i].gref;
	start = xengnttab_map_domain_grant_refs(
		g->xgt, g->nwanted, g->domid, g->refs, PROT_READ | PROT_WRITE);
	if (!start) {
		rc = errno ? -errno : -EIO;
		grants_forget_wanted(g);
		return rc;
	}
	for (uint32_t i = 0; i < g->nwanted; i++)
		g->page[first + i].page = start + (size_t)i * BLKIF_PAGE_SIZE;
	g->extent[g->nextents++] = (struct grants_extent){ start, g->nwanted };
	g->nwanted = 0;
	return 0;
}

// SPDX-License-Identifier: MIT
/* Batched grant copy. Runs in the queue's thread. */
#include "config.h"
#include "backends/common/grant-copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of Sluice's libxengnttab; in Xen's there are none, and none are needed. */
extern void *sluice_gnttab_memory(xengnttab_handle *xgt, size_t *bytes) __attribute__((weak));
extern int sluice_gnttab_copy_start(xengnttab_handle *xgt, uint32_t count,
	xengnttab_grant_copy_segment_t *segs) __attribute__((weak));
extern int sluice_gnttab_copy_end(xengnttab_handle *xgt, uint32_t count,
	xengnttab_grant_copy_segment_t *segs) __attribute__((weak));

void *grant_copy_memory(xengnttab_handle *xgt, size_t least, size_t *bytes)
{
	void *memory = sluice_gnttab_memory ? sluice_gnttab_memory(xgt, bytes) : NULL;

	return memory && *bytes >= least ? memory : NULL;
}

int grant_copy_init(struct grant_copy *c, xengnttab_handle *xgt, uint32_t domid, uint32_t max_ops)
{
	*c = (struct grant_copy){ .xgt = xgt, .domid = domid, .max_ops = max_ops };
	c->op = calloc(max_ops, sizeof(*c->op));
	c->owner = calloc(max_ops, sizeof(*c->owner));
	if (c->op && c->owner)
		return 0;
	grant_copy_dispose(c);
	return -ENOMEM;
}

void grant_copy_dispose(struct grant_copy *c)
{
	free(c->op);
	free(c->owner);
	*c = (struct grant_copy){ 0 };
}

static struct xengnttab_grant_copy_segment *grant_copy_stage(
	struct grant_copy *c, unsigned len, uint16_t flags, uint32_t owner)
{
	struct xengnttab_grant_copy_segment *op = &c->op[c->nops];

	c->owner[c->nops++] = owner;
	memset(op, 0, sizeof(*op));
	op->len = len;
	op->flags = flags;
	return op;
}

void grant_copy_from(struct grant_copy *c, uint32_t gref, unsigned offset, void *to, unsigned len,
	uint32_t owner)
{
	struct xengnttab_grant_copy_segment *op =
		grant_copy_stage(c, len, GNTCOPY_source_gref, owner);

	op->source.foreign.ref = gref;
	op->source.foreign.offset = offset;
	op->source.foreign.domid = c->domid;
	op->dest.virt = to;
}

void grant_copy_to(struct grant_copy *c, uint32_t gref, unsigned offset, const void *from, unsigned len,
	uint32_t owner)
{
	struct xengnttab_grant_copy_segment *op = grant_copy_stage(c, len, GNTCOPY_dest_gref, owner);

	op->source.virt = (void *)(uintptr_t)from;
	op->dest.foreign.ref = gref;
	op->dest.foreign.offset = offset;
	op->dest.foreign.domid = c->domid;
}

void grant_copy_start(struct grant_copy *c)
{
	if (!c->nops)
		return;
	/* An operation that the call never reached must not look done. */
	for (uint32_t i = 0; i < c->nops; i++)
		c->op[i].status = GNTST_general_error;
	if (sluice_gnttab_copy_start && sluice_gnttab_copy_end)
		c->started = sluice_gnttab_copy_start(c->xgt, c->nops, c->op);
	else
		c->started = xengnttab_grant_copy(c->xgt, c->nops, c->op);
}

void grant_copy_end(struct grant_copy *c, void (*failed)(void *opaque, uint32_t owner, int status),
	void *opaque)
{
	int rc = c->started;

	if (!c->nops)
		return;
	if (rc == 0 && sluice_gnttab_copy_start && sluice_gnttab_copy_end)
		rc = sluice_gnttab_copy_end(c->xgt, c->nops, c->op);
	for (uint32_t i = 0; i < c->nops; i++)
		if (rc < 0 || c->op[i].status != GNTST_okay)
			failed(opaque, c->owner[i],
				rc < 0 ? GNTST_general_error : c->op[i].status);
	c->nops = 0;
}

void grant_copy_run(struct grant_copy *c, void (*failed)(void *opaque, uint32_t owner, int status),
	void *opaque)
{
	grant_copy_start(c);
	grant_copy_end(c, failed, opaque);
}

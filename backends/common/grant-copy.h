/* SPDX-License-Identifier: MIT */
/* A batch of grant copies: staged one by one, done by one call. One thread. */
#ifndef SLUICE_BACKENDS_COMMON_GRANT_COPY_H
#define SLUICE_BACKENDS_COMMON_GRANT_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include <xengnttab.h>

#include "common/cleanup.h"

/** struct grant_copy - fields are private. */
struct grant_copy {
	xengnttab_handle *xgt;
	uint32_t domid;
	struct xengnttab_grant_copy_segment *op;
	uint32_t *owner;     /* what of the caller's an operation belongs to */
	uint32_t nops, max_ops;
	int started;         /* what grant_copy_start() came to */
};

/** grant_copy_init() - 0 or -ENOMEM. @max_ops: operations per batch at most. */
int grant_copy_init(struct grant_copy *c, xengnttab_handle *xgt, uint32_t domid,
	uint32_t max_ops) must_check;
/** grant_copy_dispose() - may run twice. */
void grant_copy_dispose(struct grant_copy *c);

/**
 * grant_copy_memory() - memory that copies with this handle take the shortest way to and from.
 * @bytes: how many there are; at least @least of them
 *
 * It is the same with each call, and the handle's: the caller divides it. Return: NULL where there
 * is no such memory, as with Xen's own library: any other does as well.
 */
void *grant_copy_memory(xengnttab_handle *xgt, size_t least, size_t *bytes);

/** grant_copy_from() - stage a copy of @len bytes at @offset of a granted page to @to. */
void grant_copy_from(struct grant_copy *c, uint32_t gref, unsigned offset, void *to, unsigned len,
	uint32_t owner);
/** grant_copy_to() - stage a copy from @from to a granted page. */
void grant_copy_to(struct grant_copy *c, uint32_t gref, unsigned offset, const void *from,
	unsigned len, uint32_t owner);

/** grant_copy_room() - whether @ops more operations fit the batch. */
static inline bool grant_copy_room(const struct grant_copy *c, uint32_t ops)
{
	return c->max_ops - c->nops >= ops;
}

/**
 * grant_copy_start() - have the batch done while the caller goes on. Until grant_copy_end() the
 * handle is not to be used for anything else by this thread, the memory by nobody, and nothing
 * may be staged.
 */
void grant_copy_start(struct grant_copy *c);
/**
 * grant_copy_end() - wait until the batch is done and empty it.
 * @failed: called for each operation that failed, with its owner and GNTST_* status;
 *	an owner may be named more than once (XSA-361, 362, 365: every element is checked)
 */
void grant_copy_end(struct grant_copy *c, void (*failed)(void *opaque, uint32_t owner, int status),
	void *opaque);
/** grant_copy_run() - both: do the batch with one call and empty it. */
void grant_copy_run(struct grant_copy *c, void (*failed)(void *opaque, uint32_t owner, int status),
	void *opaque);

#endif

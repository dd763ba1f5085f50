/* SPDX-License-Identifier: MIT */
/*
 * Grant arenas: the pages that a vm lends to one connection of a process domain while that
 * has them mapped. The connection gets descriptors of whole chunks, so a chunk has pages of
 * one vm, for one connection, with one right: what is granted, or was once, and nothing
 * else ever. When no page is lent any more its memory is thrown away, not reused.
 *
 * All of it is the loop thread's.
 */
#ifndef SLUICE_HYPERVISOR_VM_ARENA_H
#define SLUICE_HYPERVISOR_VM_ARENA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

struct arena;
struct vm;

/** struct arena_ops - who pays for chunks. */
struct arena_ops {
	/** @charge: one descriptor and @pages pages; false: not to be had. */
	bool (*charge)(void *opaque, uint32_t pages);
	void (*uncharge)(void *opaque, uint32_t pages);
};

/** struct arena_set - the arenas of one connection; zeroed at first but for @ops and @opaque. */
struct arena_set {
	struct arena *arenas;
	const struct arena_ops *ops;
	void *opaque;
};

/** struct arena_page - one frame to lend or to give back. */
struct arena_page {
	uint64_t gfn;
	/* out, of arena_lend() */
	int fd;         /* of its chunk; stays the arena's */
	uint32_t index; /* of the page in there */
};

/**
 * arena_lend() - lend the frames @pages of @vm, all or none, with one pause of its vCPUs.
 * A frame that @set has with the same right already is counted once more. The caller has
 * pinned the grants and holds a reference of the vm while anything is lent.
 *
 * Return: 0; -EBUSY: a frame is not to be lent: it is another connection's, or lent with the
 * other right, or not the vm's own; -ENOSPC: the budget of mappings or of the payer is spent; -ENOMEM.
 */
int arena_lend(struct arena_set *set, struct vm *vm, bool readonly, struct arena_page *pages,
	unsigned n) must_check;
/**
 * arena_return() - the opposite, once for each time that it was lent. Afterwards the content is
 * in the vm's own page; what the connection still has mapped is a page that nobody uses.
 */
void arena_return(struct arena_set *set, struct vm *vm, bool readonly,
	const struct arena_page *pages, unsigned n);

#endif

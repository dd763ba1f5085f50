// SPDX-License-Identifier: MIT
/*
 * Which block comes next. With verify no two I/Os are in flight on one block: their
 * order would be anybody's guess.
 */
#include "config.h"
#include "tools/bench-load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "tools/prng.h"

int pick_prepare(struct load *l)
{
	if (l->opt.verify) {
		l->written = calloc(l->blocks, sizeof(*l->written));
		l->busy = calloc(l->blocks / 8 + 1, 1);
		if (!l->written || !l->busy)
			return -ENOMEM;
		if (getrandom(&l->run, sizeof(l->run), 0) != sizeof(l->run))
			return -EIO;
		l->run |= 1;
	}
	/* Jobs draw different offsets, each run the same. */
	l->rng = l->opt.randseed + l->job * UINT64_C(0x9e3779b97f4a7c15);
	return 0;
}

void pick_free(struct load *l)
{
	free(l->written);
	free(l->busy);
	l->written = NULL;
	l->busy = NULL;
}

static bool is_busy(const struct load *l, uint64_t block)
{
	return l->busy[block / 8] & 1u << block % 8;
}

/* From @block on, around the end, the first one that is not busy; there always is one. */
static uint64_t skip_busy(const struct load *l, uint64_t block)
{
	while (is_busy(l, block))
		block = block + 1 == l->blocks ? 0 : block + 1;
	return block;
}

/* In verify's phase: the next block that was written. */
static bool pick_written(struct load *l, struct load_slot *slot)
{
	while (l->next < l->blocks && !l->written[l->next])
		l->next++;
	if (l->next == l->blocks)
		return false;
	slot->block = l->next++;
	slot->op = BLKFRONT_READ;
	return true;
}

static enum blkfront_op pick_op(struct load *l)
{
	uint32_t kinds = l->opt.rw & (BENCH_RW_READ | BENCH_RW_WRITE);

	if (l->opt.rw & BENCH_RW_TRIM)
		return BLKFRONT_DISCARD;
	if (kinds != (BENCH_RW_READ | BENCH_RW_WRITE))
		return kinds == BENCH_RW_WRITE ? BLKFRONT_WRITE : BLKFRONT_READ;
	return prng_below(&l->rng, 100) >= l->opt.rwmixread ? BLKFRONT_WRITE : BLKFRONT_READ;
}

/* A flush after so many writes, in its own slot: the others go on. */
static bool pick_flush(struct load *l, struct load_slot *slot)
{
	if (!l->opt.fsync || l->unsynced < l->opt.fsync)
		return false;
	l->unsynced = 0;
	slot->op = BLKFRONT_FLUSH;
	slot->check = false;
	return true;
}

static void pick_any(struct load *l, struct load_slot *slot)
{
	bool random = l->opt.rw & BENCH_RW_RANDOM;

	slot->block = random ? prng_below(&l->rng, l->blocks) : l->next;
	slot->op = pick_op(l);
	if (l->busy)
		slot->block = skip_busy(l, slot->block);
	if (!random)
		l->next = slot->block + 1 == l->blocks ? 0 : slot->block + 1;
	l->issued++;
	if (slot->op == BLKFRONT_WRITE)
		l->unsynced++;
}

static void expect(struct load *l, struct load_slot *slot)
{
	slot->w = (struct verify_write){
		.start = l->opt.offset + slot->block * l->opt.bs,
		.length = l->opt.bs,
		.run = l->run,
	};
	slot->check = false;
	if (slot->op == BLKFRONT_WRITE) {
		/* 0 means "never written": the number of a block's write is never 0. */
		l->written[slot->block] = (uint32_t)++l->sequence ? (uint32_t)l->sequence : 1;
		slot->w.sequence = l->written[slot->block];
	} else if (l->written[slot->block]) {
		slot->w.sequence = l->written[slot->block];
		slot->check = true;
	} else if (!(l->opt.rw & BENCH_RW_WRITE)) {
		/* Reading what another run wrote: its number and its run are not known. */
		slot->w.run = 0;
		slot->check = true;
	}
	l->busy[slot->block / 8] |= 1u << slot->block % 8;
}

bool pick_next(struct load *l, struct load_slot *slot)
{
	if (l->phase == BENCH_VERIFYING) {
		if (!pick_written(l, slot))
			return false;
	} else if (pick_flush(l, slot)) {
		return true;
	} else if (l->target && l->issued == l->target) {
		return false;
	} else {
		pick_any(l, slot);
	}
	if (l->busy)
		expect(l, slot);
	return true;
}

void pick_done(struct load *l, struct load_slot *slot)
{
	if (!l->busy || slot->op == BLKFRONT_FLUSH)
		return;
	l->busy[slot->block / 8] &= ~(1u << slot->block % 8);
	/* What a failed write left behind is unknown: it is not held against the disk twice. */
	if (slot->op == BLKFRONT_WRITE && slot->error)
		l->written[slot->block] = 0;
}

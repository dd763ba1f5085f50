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
	l->rng = l->opt.randseed;
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
	slot->write = false;
	return true;
}

static bool pick_is_write(struct load *l)
{
	uint32_t kinds = l->opt.rw & (BENCH_RW_READ | BENCH_RW_WRITE);

	if (kinds != (BENCH_RW_READ | BENCH_RW_WRITE))
		return kinds == BENCH_RW_WRITE;
	return prng_below(&l->rng, 100) >= l->opt.rwmixread;
}

static void expect(struct load *l, struct load_slot *slot)
{
	slot->w = (struct verify_write){
		.start = l->opt.offset + slot->block * l->opt.bs,
		.length = l->opt.bs,
		.run = l->run,
	};
	slot->check = false;
	if (slot->write) {
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
	} else {
		if (l->target && l->issued == l->target)
			return false;
		slot->block = l->opt.rw & BENCH_RW_RANDOM ? prng_below(&l->rng, l->blocks) : l->next;
		slot->write = pick_is_write(l);
		if (l->busy)
			slot->block = skip_busy(l, slot->block);
		if (!(l->opt.rw & BENCH_RW_RANDOM))
			l->next = slot->block + 1 == l->blocks ? 0 : slot->block + 1;
		l->issued++;
	}
	if (l->busy)
		expect(l, slot);
	return true;
}

void pick_done(struct load *l, struct load_slot *slot)
{
	if (!l->busy)
		return;
	l->busy[slot->block / 8] &= ~(1u << slot->block % 8);
	/* What a failed write left behind is unknown: it is not held against the disk twice. */
	if (slot->write && slot->error)
		l->written[slot->block] = 0;
}

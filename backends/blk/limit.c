// SPDX-License-Identifier: MIT
/*
 * Token buckets, kept as the time at which each will be full again: taking tokens
 * moves it on by what they take to come back. Any queue's thread, under the lock.
 */
#include "config.h"
#include "backends/blk/limit.h"

#include <string.h>

/* Finer than nanoseconds, or the cost of small requests at high rates would be cut. */
#define LIMIT_TICKS UINT64_C(64)
#define LIMIT_SECOND (UINT64_C(1000000000) * LIMIT_TICKS)
/* No bucket is in debt for longer, whatever the rate: about a year. */
#define LIMIT_FAR (LIMIT_SECOND * 31536000)

void limit_init(struct limit *l)
{
	memset(l, 0, sizeof(*l));
	pthread_mutex_init(&l->lock, NULL);
}

void limit_dispose(struct limit *l)
{
	pthread_mutex_destroy(&l->lock);
}

bool limit_set(struct limit *l, const struct limit_rate rate[LIMIT_KINDS])
{
	bool active = false, changed = false;

	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < LIMIT_KINDS; i++) {
		active |= rate[i].rate != 0;
		if (l->rate[i].rate == rate[i].rate && l->rate[i].burst == rate[i].burst)
			continue;
		changed = true;
		l->rate[i] = rate[i];
	}
	/* Kinds that did not change, too: what void reservations took must come back. */
	if (changed)
		memset(l->full_at, 0, sizeof(l->full_at));
	pthread_mutex_unlock(&l->lock);
	if (changed) {
		__atomic_store_n(&l->active, active, __ATOMIC_RELEASE);
		__atomic_add_fetch(&l->version, 1, __ATOMIC_RELEASE);
	}
	return changed;
}

/* The time in which @amount tokens come, rounded up so that no rate is exceeded. */
static uint64_t limit_ticks(uint64_t amount, uint64_t rate)
{
	unsigned __int128 ticks = ((unsigned __int128)amount * LIMIT_SECOND + rate - 1) / rate;

	return ticks < LIMIT_FAR ? (uint64_t)ticks : LIMIT_FAR;
}

static uint64_t limit_burst(const struct limit_rate *r)
{
	uint64_t burst = r->burst ? r->burst : r->rate / 10;

	return burst ? burst : 1;
}

/* Take @amount from one bucket. Return: when it had them, in ticks. */
static uint64_t limit_take(struct limit *l, enum limit_kind kind, uint64_t amount, uint64_t now)
{
	const struct limit_rate *r = &l->rate[kind];
	uint64_t depth, cost, need, base;

	if (!r->rate || !amount)
		return now;
	depth = limit_ticks(limit_burst(r), r->rate);
	cost = limit_ticks(amount, r->rate);
	need = cost < depth ? cost : depth;
	base = l->full_at[kind] > now ? l->full_at[kind] : now;
	l->full_at[kind] = base + cost < now + LIMIT_FAR ? base + cost : now + LIMIT_FAR;
	/* It holds @need when no more than depth - need are missing. */
	return base + need > now + depth ? base + need - depth : now;
}

uint64_t limit_reserve(struct limit *l, bool is_write, uint64_t bytes, uint64_t now_ns)
{
	const struct {
		enum limit_kind kind;
		uint64_t amount;
	} take[] = {
		{ LIMIT_IOPS, 1 },
		{ is_write ? LIMIT_WRITE_IOPS : LIMIT_READ_IOPS, 1 },
		{ LIMIT_BPS, bytes },
		{ is_write ? LIMIT_WRITE_BPS : LIMIT_READ_BPS, bytes },
	};
	uint64_t now = now_ns * LIMIT_TICKS, start = now;

	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < sizeof(take) / sizeof(take[0]); i++) {
		uint64_t at = limit_take(l, take[i].kind, take[i].amount, now);

		start = at > start ? at : start;
	}
	pthread_mutex_unlock(&l->lock);
	return (start + LIMIT_TICKS - 1) / LIMIT_TICKS;
}

// SPDX-License-Identifier: MIT
/* The buckets of a disk. Any queue's thread, under the lock. */
#include "config.h"
#include "backends/blk/limit.h"

#include <string.h>

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
		if (l->bucket[i].rate == rate[i].rate && l->bucket[i].burst == rate[i].burst)
			continue;
		changed = true;
		l->bucket[i].rate = rate[i].rate;
		l->bucket[i].burst = rate[i].burst;
	}
	/* Kinds that did not change, too: what void reservations took must come back. */
	for (unsigned i = 0; changed && i < LIMIT_KINDS; i++)
		l->bucket[i].full_at = 0;
	pthread_mutex_unlock(&l->lock);
	if (changed) {
		__atomic_store_n(&l->active, active, __ATOMIC_RELEASE);
		__atomic_add_fetch(&l->version, 1, __ATOMIC_RELEASE);
	}
	return changed;
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
	uint64_t now = now_ns * BUCKET_TICKS, start = now;

	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < sizeof(take) / sizeof(take[0]); i++) {
		uint64_t at = bucket_take(&l->bucket[take[i].kind], take[i].amount, now);

		start = at > start ? at : start;
	}
	pthread_mutex_unlock(&l->lock);
	return (start + BUCKET_TICKS - 1) / BUCKET_TICKS;
}

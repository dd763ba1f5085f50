// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/bucket.h"

#define BUCKET_SECOND (UINT64_C(1000000000) * BUCKET_TICKS)
/* No bucket is in debt for longer, whatever the rate: about a year. */
#define BUCKET_FAR (BUCKET_SECOND * 31536000)

/* The time in which @amount tokens come, rounded up so that no rate is exceeded. */
static uint64_t bucket_ticks(uint64_t amount, uint64_t rate)
{
	unsigned __int128 ticks = ((unsigned __int128)amount * BUCKET_SECOND + rate - 1) / rate;

	return ticks < BUCKET_FAR ? (uint64_t)ticks : BUCKET_FAR;
}

/* From empty to full. */
static uint64_t bucket_depth(const struct bucket *b)
{
	uint64_t burst = b->burst ? b->burst : b->rate / 10;

	return bucket_ticks(burst ? burst : 1, b->rate);
}

uint64_t bucket_take(struct bucket *b, uint64_t amount, uint64_t now)
{
	uint64_t depth, cost, need, base;

	if (!b->rate || !amount)
		return now;
	depth = bucket_depth(b);
	cost = bucket_ticks(amount, b->rate);
	need = cost < depth ? cost : depth;
	base = b->full_at > now ? b->full_at : now;
	b->full_at = base + cost < now + BUCKET_FAR ? base + cost : now + BUCKET_FAR;
	/* It holds @need when no more than depth - need are missing. */
	return base + need > now + depth ? base + need - depth : now;
}

uint64_t bucket_is_level_at(const struct bucket *b)
{
	uint64_t depth = b->rate ? bucket_depth(b) : 0;

	return b->full_at > depth ? b->full_at - depth : 0;
}

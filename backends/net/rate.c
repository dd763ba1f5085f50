// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/rate.h"

#include <string.h>

void rate_init(struct rate *r)
{
	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
}

void rate_dispose(struct rate *r)
{
	pthread_mutex_destroy(&r->lock);
}

/* Per second, and at least one: 0 would be no limit. */
static uint64_t rate_per_second(uint64_t bytes, uint64_t usec)
{
	unsigned __int128 n = (unsigned __int128)bytes * 1000000u / (usec ? usec : 1);

	return n == 0 ? 1 : n > UINT64_MAX ? UINT64_MAX : (uint64_t)n;
}

bool rate_set(struct rate *r, uint64_t bytes, uint64_t usec)
{
	bool changed;

	pthread_mutex_lock(&r->lock);
	changed = r->bytes != bytes || (bytes && r->usec != usec);
	if (changed) {
		r->bytes = bytes;
		r->usec = usec;
		r->bucket = (struct bucket){ 0 };
		if (bytes) {
			r->bucket.rate = rate_per_second(bytes, usec);
			r->bucket.burst = bytes;
		}
	}
	pthread_mutex_unlock(&r->lock);
	__atomic_store_n(&r->active, bytes != 0, __ATOMIC_RELEASE);
	return changed;
}

uint64_t rate_ready_at(struct rate *r)
{
	uint64_t at;

	if (!rate_is_on(r))
		return 0;
	pthread_mutex_lock(&r->lock);
	at = bucket_is_level_at(&r->bucket);
	pthread_mutex_unlock(&r->lock);
	return (at + BUCKET_TICKS - 1) / BUCKET_TICKS;
}

void rate_take(struct rate *r, uint64_t bytes, uint64_t now_ns)
{
	if (!rate_is_on(r))
		return;
	pthread_mutex_lock(&r->lock);
	(void)bucket_take(&r->bucket, bytes, now_ns * BUCKET_TICKS);
	pthread_mutex_unlock(&r->lock);
}

/* SPDX-License-Identifier: MIT */
/*
 * A disk's limits on operations and bytes per second: token buckets that all its
 * queues share. Pure: the time is passed in. Without limits a request costs one load.
 *
 * A request reserves its tokens when it is first in its queue and learns when it may
 * start, so that queues share a bucket in turns and a large request cannot be starved
 * by small ones. A bucket holds what may be done at once after idling (the burst); a
 * request larger than that starts when the bucket is full and leaves it in debt.
 */
#ifndef SLUICE_BACKENDS_BLK_LIMIT_H
#define SLUICE_BACKENDS_BLK_LIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "backends/common/bucket.h"

enum limit_kind {
	LIMIT_IOPS,
	LIMIT_READ_IOPS,
	LIMIT_WRITE_IOPS,
	LIMIT_BPS,
	LIMIT_READ_BPS,
	LIMIT_WRITE_BPS,
	LIMIT_KINDS
};

/** struct limit_rate - one limit. */
struct limit_rate {
	uint64_t rate;  /* operations or bytes per second; 0: no limit */
	uint64_t burst; /* operations or bytes at once; 0: a tenth of a second's */
};

/** struct limit - a disk's buckets. Fields are private. */
struct limit {
	uint32_t active;  /* atomic: some kind has a rate */
	uint32_t version; /* atomic: of the rates; reservations of older ones are void */
	pthread_mutex_t lock;
	struct bucket bucket[LIMIT_KINDS];
};

void limit_init(struct limit *l);
void limit_dispose(struct limit *l);

/**
 * limit_set() - change the rates; those that change start with a full bucket.
 * Reservations made before are void: whoever waits for one reserves again.
 * Return: whether anything changed.
 */
bool limit_set(struct limit *l, const struct limit_rate rate[LIMIT_KINDS]);

/** limit_is_active() - the fast path: whether requests must ask at all. */
static inline bool limit_is_active(const struct limit *l)
{
	return __atomic_load_n(&l->active, __ATOMIC_ACQUIRE);
}
/** limit_version() - changes with every change of the rates. */
static inline uint32_t limit_version(const struct limit *l)
{
	return __atomic_load_n(&l->version, __ATOMIC_ACQUIRE);
}

/**
 * limit_reserve() - one operation of @bytes takes its tokens.
 * @now_ns: any clock that does not go back, the same for all queues
 *
 * Return: when it may start; @now_ns: at once.
 */
uint64_t limit_reserve(struct limit *l, bool is_write, uint64_t bytes, uint64_t now_ns);

#endif

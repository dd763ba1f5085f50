/* SPDX-License-Identifier: MIT */
/*
 * An interface's limit on bytes in one direction: one bucket that all its queues share, so
 * that more queues are not more bytes. Any thread. Without a limit a packet costs one load.
 *
 * A packet may start when the bucket is not in debt, and takes its bytes then, whatever its
 * size: over time the rate is kept to the byte, and a packet larger than the bucket passes.
 */
#ifndef SLUICE_BACKENDS_NET_RATE_H
#define SLUICE_BACKENDS_NET_RATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "backends/common/bucket.h"

/** struct rate - fields are private. */
struct rate {
	bool active; /* atomic */
	pthread_mutex_t lock;
	struct bucket bucket;
	uint64_t bytes, usec;
};

void rate_init(struct rate *r);
void rate_dispose(struct rate *r);
/**
 * rate_set() - so many @bytes each @usec, as the toolstack's node says; 0 bytes: no limit.
 * Return: whether that is a change.
 */
bool rate_set(struct rate *r, uint64_t bytes, uint64_t usec);
/** rate_is_on() - there is a limit. */
static inline bool rate_is_on(const struct rate *r)
{
	return __atomic_load_n(&r->active, __ATOMIC_ACQUIRE);
}
/** rate_ready_at() - when the next packet may start, in ns; not later than now: at once. */
uint64_t rate_ready_at(struct rate *r);
/** rate_take() - @bytes went. @now_ns: the same clock for all queues. */
void rate_take(struct rate *r, uint64_t bytes, uint64_t now_ns);

#endif

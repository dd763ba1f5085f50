/* SPDX-License-Identifier: MIT */
/*
 * A token bucket, kept as the time at which it will be full again: taking tokens moves that
 * on by what they take to come back. Pure, no lock: the time is passed in, in ticks.
 */
#ifndef SLUICE_BACKENDS_COMMON_BUCKET_H
#define SLUICE_BACKENDS_COMMON_BUCKET_H

#include <stdint.h>

/** BUCKET_TICKS - per nanosecond: finer, or the cost of small amounts at high rates would be cut. */
#define BUCKET_TICKS UINT64_C(64)

/** struct bucket - all zero: no limit. */
struct bucket {
	uint64_t rate;    /* tokens per second; 0: no limit */
	uint64_t burst;   /* that it holds; 0: a tenth of a second's */
	uint64_t full_at; /* in ticks */
};

/**
 * bucket_take() - take @amount, whether they are there or not: it can be in debt.
 * @now: in ticks, of any clock that does not go back
 *
 * An amount larger than the bucket is had when it is full. Return: when they were had; @now: at once.
 */
uint64_t bucket_take(struct bucket *b, uint64_t amount, uint64_t now);
/** bucket_is_level_at() - when it is in debt no more, in ticks; 0 without a limit. */
uint64_t bucket_is_level_at(const struct bucket *b);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Latencies in bounded memory: log-linear buckets, 128 per power of two, so a value
 * is known to better than 1 %. Pure; one thread.
 */
#ifndef SLUICE_TOOLS_HISTOGRAM_H
#define SLUICE_TOOLS_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_SUB (1u << HISTOGRAM_SUB_BITS)
/** HISTOGRAM_MAX_BITS - larger values (18 minutes, in nanoseconds) count as the largest. */
#define HISTOGRAM_MAX_BITS 40
#define HISTOGRAM_BUCKETS ((HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB)

/** struct histogram - all zero is empty. Plain data: may be sent to another process. */
struct histogram {
	uint64_t count;
	uint64_t min, max; /* exact; undefined when count is 0 */
	uint64_t sum;
	unsigned __int128 sum_squares;
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

/** histogram_bucket() - the bucket of a value. */
static inline unsigned histogram_bucket(uint64_t value)
{
	unsigned shift;

	if (value >> HISTOGRAM_MAX_BITS)
		return HISTOGRAM_BUCKETS - 1;
	if (value < HISTOGRAM_SUB)
		return value;
	shift = 63 - __builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	return (shift + 1) * HISTOGRAM_SUB + (unsigned)(value >> shift) - HISTOGRAM_SUB;
}

/** histogram_value() - the middle of a bucket. */
uint64_t histogram_value(unsigned bucket);
void histogram_add(struct histogram *h, uint64_t value);
/** histogram_merge() - as if all of @from's values had been added to @into, too. */
void histogram_merge(struct histogram *into, const struct histogram *from);
/** histogram_mean() - of all values, exact; 0 when empty. */
double histogram_mean(const struct histogram *h);
/** histogram_stddev() - of all values, exact; 0 when there are less than two. */
double histogram_stddev(const struct histogram *h);
/**
 * histogram_percentile() - a value that @percent of the values do not exceed, within
 * 1 %; clamped to min and max. 0 when empty.
 */
uint64_t histogram_percentile(const struct histogram *h, double percent);
/** histogram_between() - how many values are in [from, to), by their buckets' middles. */
uint64_t histogram_between(const struct histogram *h, uint64_t from, uint64_t to);

#endif

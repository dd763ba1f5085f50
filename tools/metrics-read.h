/* SPDX-License-Identifier: MIT */
/*
 * Metrics of backends, for those who look. What a backend shows is hostile input: it is
 * read, not mapped, so that it neither changes while it is looked at nor goes away under
 * a reader; sizes come from the layout's version and not from the file.
 */
#ifndef SLUICE_TOOLS_METRICS_READ_H
#define SLUICE_TOOLS_METRICS_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "backends/common/metrics-page.h"

/** METRICS_FILE_MAX - the largest file that this version knows. */
#define METRICS_FILE_MAX (METRICS_PAGE + METRICS_MAX_RINGS * (size_t)metrics_ring_size())

/** struct metrics_ring_view - a ring without its latencies. */
struct metrics_ring_view {
	bool connected;
	uint64_t depth, features, max_indirect, in_flight, grants;
	uint64_t counter[METRICS_COUNTER_ROOM]; /* by enum metrics_counter or metrics_net_counter */
};

/** struct metrics_view - a device, checked; numbers may be any, but sums do not wrap. */
struct metrics_view {
	enum metrics_kind kind;
	uint64_t start_ns;
	uint64_t sectors, sector_size;
	char driver[16];              /* a-z 0-9 - */
	unsigned rings;               /* up to METRICS_MAX_RINGS, connected or not */
	struct metrics_ring_view ring[METRICS_MAX_RINGS];
	uint64_t total[METRICS_COUNTER_ROOM]; /* of all rings */
	struct metrics_latency latency[METRICS_OPS]; /* of all rings */
};

/** metrics_sum() - that stays at the largest number where it would wrap. */
static inline uint64_t metrics_sum(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

/**
 * metrics_parse() - what @size bytes of @image, which is ours alone, say.
 *
 * Return: 0; -ENODATA nothing was written yet; -EPROTO another version; -EINVAL garbage.
 */
int metrics_parse(const void *image, size_t size, struct metrics_view *view) must_check;

/**
 * metrics_read_at() - the file @name in @dir_fd, which is no link.
 * @image: METRICS_FILE_MAX bytes of scratch
 *
 * Return: as metrics_parse(), or another -errno.
 */
int metrics_read_at(int dir_fd, const char *name, void *image, struct metrics_view *view) must_check;

/** metrics_count() - how many values a latency has. */
uint64_t metrics_count(const struct metrics_latency *latency);
/** metrics_below() - how many of them are below @ns, which is a bucket's end. */
uint64_t metrics_below(const struct metrics_latency *latency, uint64_t ns);
/** metrics_percentile() - in ns, within 6 %; 0 when there are none. */
uint64_t metrics_percentile(const struct metrics_latency *latency, double percent);
/** metrics_since() - @now's values that @before did not have; of a backend that started anew all. */
void metrics_since(const struct metrics_latency *now, const struct metrics_latency *before,
	struct metrics_latency *since);
/** metrics_merge() - as if all of @from's values had been in @into, too. */
void metrics_merge(struct metrics_latency *into, const struct metrics_latency *from);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Counters of a backend. Each has one writer, its queue's thread; any thread may
 * read them at any time. Totals only grow.
 */
#ifndef SLUICE_BACKENDS_COMMON_METRICS_H
#define SLUICE_BACKENDS_COMMON_METRICS_H

#include <stddef.h>
#include <stdint.h>

/** metric_add() - by the counter's one writer: no atomic addition is needed. */
static inline void metric_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/** metric_set() - a gauge, by its one writer. */
static inline void metric_set(uint64_t *gauge, uint64_t value)
{
	__atomic_store_n(gauge, value, __ATOMIC_RELAXED);
}

static inline uint64_t metric_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/**
 * metrics_format() - "reads 12, writes 3" of @count counters, in the order of @names.
 *
 * Counters that are zero are left out. Always NUL-terminated, cut to @room.
 */
void metrics_format(const char *const *names, const uint64_t *counters, unsigned count,
	char *out, size_t room);

#endif

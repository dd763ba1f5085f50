/* SPDX-License-Identifier: MIT */
/* The results of several jobs as one. Pure. */
#ifndef SLUICE_TOOLS_BENCH_MERGE_H
#define SLUICE_TOOLS_BENCH_MERGE_H

#include "tools/bench-wire.h"

/**
 * bench_merge() - add a job that ran at the same time.
 * @into: a result, maybe merged before; the first error's text stays
 *
 * Counts, rates and CPU time add up; latencies come together; the time is the longest.
 * Of the rates' samples the means and variances add, least and most are the least and
 * most of one job, as in fio's group reports.
 */
void bench_merge(struct bench_result *into, const struct bench_result *job);

#endif

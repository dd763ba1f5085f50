// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/bench-merge.h"

#include <string.h>

static double samples_variance(const struct bench_samples *s)
{
	double n = (double)s->count;

	return s->count < 2 ? 0 : (s->sum_squares - s->sum * s->sum / n) / (n - 1);
}

static void merge_samples(struct bench_samples *into, const struct bench_samples *job)
{
	double n, mean, variance;

	if (!into->count || !job->count) {
		if (!into->count)
			*into = *job;
		return;
	}
	n = (double)into->count;
	mean = into->sum / n + job->sum / (double)job->count;
	variance = samples_variance(into) + samples_variance(job);
	into->sum = mean * n;
	into->sum_squares = variance * (n - 1) + into->sum * into->sum / n;
	if (job->min < into->min)
		into->min = job->min;
	if (job->max > into->max)
		into->max = job->max;
}

static void merge_dir(struct bench_direction *into, const struct bench_direction *job)
{
	into->ios += job->ios;
	into->bytes += job->bytes;
	merge_samples(&into->bandwidth, &job->bandwidth);
	merge_samples(&into->iops, &job->iops);
	histogram_merge(&into->latency, &job->latency);
}

void bench_merge(struct bench_result *into, const struct bench_result *job)
{
	for (unsigned d = 0; d < BENCH_DIRS; d++)
		merge_dir(&into->dir[d], &job->dir[d]);
	if (job->seconds > into->seconds)
		into->seconds = job->seconds;
	into->user_seconds += job->user_seconds;
	into->system_seconds += job->system_seconds;
	into->context_switches += job->context_switches;
	into->major_faults += job->major_faults;
	into->minor_faults += job->minor_faults;
	if (!into->error) {
		into->error = job->error;
		memcpy(into->error_text, job->error_text, sizeof(into->error_text));
	}
	into->errors += job->errors;
	if (!into->verify_errors)
		memcpy(into->verify_text, job->verify_text, sizeof(into->verify_text));
	into->verified += job->verified;
	into->verify_errors += job->verify_errors;
	into->stopped |= job->stopped;
}

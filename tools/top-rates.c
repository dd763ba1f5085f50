// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/top.h"

/* Of a backend that started anew in between all counts; of one that goes backwards nothing. */
static uint64_t since(uint64_t now, uint64_t before, bool anew)
{
	if (anew)
		return now;
	return now >= before ? now - before : 0;
}

static void rate_latency(const struct metrics_latency *latency, double seconds, struct top_rate *r)
{
	r->iops = (double)metrics_count(latency) / seconds;
	r->p50_ns = metrics_percentile(latency, 50);
	r->p99_ns = metrics_percentile(latency, 99);
	r->p999_ns = metrics_percentile(latency, 99.9);
}

static void rate_rings(const struct metrics_view *v, struct top_row *row)
{
	for (unsigned i = 0; i < v->rings; i++) {
		if (!v->ring[i].connected)
			continue;
		row->connected++;
		row->features |= v->ring[i].features;
		row->in_flight = metrics_sum(row->in_flight, v->ring[i].in_flight);
	}
}

static void rate_counters(const struct metrics_view *now, const struct metrics_view *before,
	bool anew, double seconds, struct top_row *row)
{
	double n[METRICS_COUNTERS], polls;

	if (now->kind == METRICS_VIF) {
		top_net_rate(now, before, anew, seconds, row);
		return;
	}

	for (unsigned c = 0; c < METRICS_COUNTERS; c++)
		n[c] = (double)since(now->total[c], before->total[c], anew);
	row->op[METRICS_OP_READ].bytes = n[METRICS_READ_BYTES] / seconds;
	row->op[METRICS_OP_WRITE].bytes = n[METRICS_WRITTEN_BYTES] / seconds;
	row->all.bytes = row->op[METRICS_OP_READ].bytes + row->op[METRICS_OP_WRITE].bytes;
	row->errors = n[METRICS_ERRORS] / seconds;
	row->refused = n[METRICS_REFUSED] / seconds;
	polls = n[METRICS_POLL_HITS] + n[METRICS_POLL_MISSES];
	row->poll_hits = polls > 0 ? n[METRICS_POLL_HITS] / polls : -1;
}

void top_rate(const struct metrics_device *now, const struct metrics_device *before, double seconds,
	struct top_row *row)
{
	static const struct metrics_view nothing;
	const struct metrics_view *old = before ? before->view : &nothing;
	bool anew = now->view->start_ns != old->start_ns;
	struct metrics_latency all = { 0 }, one;

	*row = (struct top_row){ .device = now };
	for (unsigned op = 0; op < METRICS_OPS; op++) {
		metrics_since(&now->view->latency[op], anew ? &nothing.latency[op] : &old->latency[op],
			&one);
		rate_latency(&one, seconds, &row->op[op]);
		metrics_merge(&all, &one);
	}
	rate_latency(&all, seconds, &row->all);
	/* Little's law: time spent in flight per time. */
	row->depth = (double)all.sum_ns / 1e9 / seconds;
	rate_counters(now->view, old, anew, seconds, row);
	rate_rings(now->view, row);
}

struct top_row *top_rows(const struct metrics_list *now, const struct metrics_list *before,
	double seconds)
{
	struct top_row *rows = calloc(now->count + 1, sizeof(*rows));

	for (unsigned i = 0; rows && i < now->count; i++)
		top_rate(&now->device[i], metrics_list_find(before, &now->device[i]), seconds, &rows[i]);
	return rows;
}

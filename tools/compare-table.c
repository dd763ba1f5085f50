// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/compare.h"

static void print_rate(FILE *to, const struct compare_result *r, enum compare_peer peer)
{
	bool bytes = r->workload->bytes;
	struct compare_summary s = compare_summary(r, peer, bytes ? COMPARE_BYTES : COMPARE_IOPS);
	double unit = bytes ? 1e9 : 1e3;

	fprintf(to, "  %-34s %8.2f %-5s %8.2f..%-8.2f", compare_peer_name(peer), s.median / unit,
		bytes ? "GB/s" : "kIOPS", s.min / unit, s.max / unit);
}

static void print_ratio(FILE *to, const struct compare_result *r, enum compare_peer peer,
	enum compare_peer other)
{
	double ratio = other < COMPARE_PEERS ? compare_ratio(r, peer, other) : 0;

	if (ratio > 0)
		fprintf(to, " %9.2f", ratio);
	else
		fprintf(to, " %9s", "-");
}

/* At depth 1 what matters is how long one I/O takes. */
static void print_time(FILE *to, const struct compare_result *r, enum compare_peer peer)
{
	double iops = compare_summary(r, peer, COMPARE_IOPS).median;

	if (r->workload->iodepth == 1 && r->workload->numjobs == 1 && iops > 0)
		fprintf(to, " %9.1f", 1e6 / iops);
}

void compare_table(FILE *to, const struct compare_result *r)
{
	const struct workload *w = r->workload;
	enum compare_peer best = compare_best_vhost(r);

	fprintf(to, "%s: %s %s, depth %u", w->name, w->rw, w->bs, w->iodepth);
	if (w->numjobs > 1)
		fprintf(to, ", %u queues", w->numjobs);
	fprintf(to, "; %u round%s\n", r->rounds, r->rounds == 1 ? "" : "s");
	fprintf(to, "  %-34s %14s %18s %9s %9s %9s%s\n", "", "median", "min..max", "to fio", "to vhost",
		"CPU s/M", w->iodepth == 1 && w->numjobs == 1 ? "  us/I/O" : "");
	for (unsigned p = 0; p < COMPARE_PEERS; p++) {
		if (!compare_summary(r, p, COMPARE_IOPS).count)
			continue;
		print_rate(to, r, p);
		print_ratio(to, r, p, compare_fio(r));
		print_ratio(to, r, p, best);
		fprintf(to, " %9.2f", compare_summary(r, p, COMPARE_CPU).median);
		print_time(to, r, p);
		fputc('\n', to);
	}
	fputc('\n', to);
}

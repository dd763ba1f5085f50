// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/bench-report.h"

#include <errno.h>
#include <string.h>

#include "common/array.h"

void bench_size_text(double bytes, char *text, size_t room)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned u = 0;

	while (bytes >= 1024 && u + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		u++;
	}
	snprintf(text, room, bytes >= 100 || !u ? "%.0f%s" : "%.1f%s", bytes, units[u]);
}

static void rate_text(double rate, char *text, size_t room)
{
	if (rate >= 1e6)
		snprintf(text, room, "%.2fM", rate / 1e6);
	else if (rate >= 1e4)
		snprintf(text, room, "%.0fk", rate / 1e3);
	else if (rate >= 1e3)
		snprintf(text, room, "%.2fk", rate / 1e3);
	else
		snprintf(text, room, "%.0f", rate);
}

static void time_text(double ns, char *text, size_t room)
{
	if (ns >= 1e9)
		snprintf(text, room, "%.2fs", ns / 1e9);
	else if (ns >= 1e6)
		snprintf(text, room, "%.1fms", ns / 1e6);
	else
		snprintf(text, room, "%.1fus", ns / 1e3);
}

uint64_t bench_ios(const struct bench_result *result)
{
	uint64_t ios = 0;

	for (unsigned d = 0; d < BENCH_DIRS; d++)
		ios += result->dir[d].ios;
	return ios;
}

int bench_error(const struct bench_result *result)
{
	if (result->error)
		return result->error;
	return result->verify_errors ? EILSEQ : 0;
}

/* --- progress ---------------------------------------------------------- */

static void print_eta(FILE *to, double eta)
{
	unsigned s = eta < 0 ? 0 : (unsigned)(eta + 0.5);

	if (eta < 0)
		fputs("[eta --]", to);
	else
		fprintf(to, "[eta %02um:%02us]", s / 60, s % 60);
}

void bench_report_progress(FILE *to, const struct bench_progress *p, bool terminal)
{
	static const char *const phases[] = { "ramp", "run", "verify" };
	char text[BENCH_SYNCS][2][24];

	for (unsigned d = 0; d < BENCH_SYNCS; d++) {
		double seconds = p->seconds > 0 ? p->seconds : 1;

		bench_size_text((double)p->bytes[d] / seconds, text[d][0], sizeof(text[d][0]));
		rate_text((double)p->ios[d] / seconds, text[d][1], sizeof(text[d][1]));
	}
	fprintf(to, "%s[%s][%.1f%%]", terminal ? "\r\033[K" : "",
		phases[p->phase <= BENCH_VERIFYING ? p->phase : 0], p->done * 100);
	if (p->phase == BENCH_RUNNING)
		fprintf(to, "[r=%s/s,w=%s/s%s%s%s][r=%s,w=%s%s%s IOPS]", text[0][0], text[1][0],
			p->ios[2] ? ",t=" : "", p->ios[2] ? text[2][0] : "", p->ios[2] ? "/s" : "",
			text[0][1], text[1][1], p->ios[2] ? ",t=" : "", p->ios[2] ? text[2][1] : "");
	print_eta(to, p->eta);
	if (!terminal)
		fputc('\n', to);
	fflush(to);
}

/* --- the table --------------------------------------------------------- */

static void print_direction(FILE *to, const char *name, const struct bench_direction *dir,
	double seconds)
{
	static const double percents[] = { 50, 90, 99, 99.9, 99.99 };
	char a[24], b[24], c[24];

	rate_text((double)dir->ios / seconds, a, sizeof(a));
	bench_size_text((double)dir->bytes / seconds, b, sizeof(b));
	bench_size_text((double)dir->bytes, c, sizeof(c));
	if (dir->bytes)
		fprintf(to, "  %-6s IOPS=%s, BW=%s/s (%.0fMB/s), %s in %.3fs\n", name, a, b,
			(double)dir->bytes / seconds / 1e6, c, seconds);
	else
		fprintf(to, "  %-6s IOPS=%s\n", name, a);
	time_text((double)dir->latency.min, a, sizeof(a));
	time_text(histogram_mean(&dir->latency), b, sizeof(b));
	time_text((double)dir->latency.max, c, sizeof(c));
	fprintf(to, "         latency min %s, avg %s, max %s;", a, b, c);
	for (unsigned i = 0; i < ARRAY_SIZE(percents); i++) {
		time_text((double)histogram_percentile(&dir->latency, percents[i]), a, sizeof(a));
		fprintf(to, " p%g %s%s", percents[i], a, i + 1 < ARRAY_SIZE(percents) ? "," : "\n");
	}
}

static void print_cpu(FILE *to, const struct bench_report *r)
{
	const struct bench_result *res = r->all;
	double millions = (double)bench_ios(res) / 1e6;

	if (millions <= 0)
		return;
	fprintf(to, "  cpu    seconds per million I/Os: frontend %.2f",
		(res->user_seconds + res->system_seconds) / millions);
	if (!r->options->vdev)
		fprintf(to, ", backend %.2f, hypervisor %.2f, store %.2f", r->cpu.backend / millions,
			r->cpu.hypervisor / millions, r->cpu.store / millions);
	fprintf(to, "; context switches per I/O %.3f\n", (double)res->context_switches / millions / 1e6);
}

static void print_disk(FILE *to, const struct bench_report *r)
{
	const struct blkfront_info *info = &r->all->info;
	char size[24];

	bench_size_text((double)info->size, size, sizeof(size));
	fprintf(to, "  disk   %s, sectors of %u bytes", size, info->sector_size);
	if (!r->options->vdev) /* else nobody here knows */
		fprintf(to, ", driver %s, %s", r->options->driver[0] ? r->options->driver : "(default)",
			r->options->direct ? "O_DIRECT" : "page cache");
	fprintf(to, "; %u segments per request%s%s%s%s\n", info->max_segments,
		info->indirect ? ", indirect" : "", info->persistent ? ", persistent grants" : ", grant copy",
		info->flush ? ", flush" : "", info->discard ? ", discard" : "");
}

static void print_job(FILE *to, const struct bench_report *r, const struct bench_result *job)
{
	static const char *const names[] = { "read", "write", "trim", "flush" };
	const struct bench_options *o = r->options;
	double seconds = job->seconds > 0 ? job->seconds : 1e-9;
	char bs[24], jobs[32] = "";

	bench_size_text(o->bs, bs, sizeof(bs));
	if (o->numjobs > 1 && o->group_reporting)
		snprintf(jobs, sizeof(jobs), ", jobs=%u", o->numjobs);
	else if (o->numjobs > 1)
		snprintf(jobs, sizeof(jobs), ", job %u of %u", job->job + 1, o->numjobs);
	fprintf(to, "%s: rw=%s, bs=%s, iodepth=%u%s%s\n", o->name, bench_rw_name(o->rw), bs, o->iodepth,
		jobs, job->stopped ? " (stopped early)" : "");
	for (unsigned d = 0; d < BENCH_DIRS; d++)
		if (job->dir[d].ios)
			print_direction(to, names[d], &job->dir[d], seconds);
}

void bench_report_table(FILE *to, const struct bench_report *r)
{
	if (r->options->group_reporting)
		print_job(to, r, r->all);
	for (unsigned i = 0; i < r->njobs && !r->options->group_reporting; i++)
		print_job(to, r, &r->jobs[i]);
	print_cpu(to, r);
	print_disk(to, r);
	if (r->options->verify)
		fprintf(to, "  verify %llu blocks checked, %llu wrong\n",
			(unsigned long long)r->all->verified, (unsigned long long)r->all->verify_errors);
}

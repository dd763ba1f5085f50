// SPDX-License-Identifier: MIT
/* The result as JSON, with the names that fio's has, so that its readers read ours. */
#include "config.h"
#include "tools/bench-report.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "common/array.h"

/* All json_ calls below take a NULL from a failed one: the end of it is checked once. */

static void set_int(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

static void set_real(json_t *o, const char *key, double value)
{
	json_object_set_new(o, key, json_real(value));
}

static double samples_mean(const struct bench_samples *s)
{
	return s->count ? s->sum / (double)s->count : 0;
}

static double samples_stddev(const struct bench_samples *s)
{
	double n = (double)s->count;

	double variance = s->count < 2 ? 0 : (s->sum_squares - s->sum * s->sum / n) / (n - 1);

	return variance > 0 ? sqrt(variance) : 0;
}

static json_t *latency(const struct histogram *h, bool percentiles)
{
	static const double percents[] = { 1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9,
		99.95, 99.99 };
	json_t *o = json_object();
	json_t *p;

	set_int(o, "min", h->count ? h->min : 0);
	set_int(o, "max", h->max);
	set_real(o, "mean", histogram_mean(h));
	set_real(o, "stddev", histogram_stddev(h));
	set_int(o, "N", h->count);
	if (!percentiles || !h->count)
		return o;
	p = json_object();
	for (unsigned i = 0; i < ARRAY_SIZE(percents); i++) {
		char key[24];

		snprintf(key, sizeof(key), "%f", percents[i]);
		set_int(p, key, histogram_percentile(h, percents[i]));
	}
	json_object_set_new(o, "percentile", p);
	return o;
}

/* bw_mean and friends are in KiB/s, bw_bytes in bytes per second, as fio's are. */
static void set_samples(json_t *o, const struct bench_direction *dir)
{
	set_int(o, "bw_min", (uint64_t)dir->bandwidth.min);
	set_int(o, "bw_max", (uint64_t)dir->bandwidth.max);
	set_real(o, "bw_agg", dir->ios ? 100 : 0);
	set_real(o, "bw_mean", samples_mean(&dir->bandwidth));
	set_real(o, "bw_dev", samples_stddev(&dir->bandwidth));
	set_int(o, "bw_samples", dir->bandwidth.count);
	set_int(o, "iops_min", (uint64_t)dir->iops.min);
	set_int(o, "iops_max", (uint64_t)dir->iops.max);
	set_real(o, "iops_mean", samples_mean(&dir->iops));
	set_real(o, "iops_stddev", samples_stddev(&dir->iops));
	set_int(o, "iops_samples", dir->iops.count);
}

static json_t *direction(const struct bench_direction *dir, double seconds)
{
	static const struct histogram none;
	double rate = seconds > 0 && dir->ios ? 1 / seconds : 0;
	json_t *o = json_object();

	set_int(o, "io_bytes", dir->bytes);
	set_int(o, "io_kbytes", dir->bytes >> 10);
	set_int(o, "bw_bytes", (uint64_t)((double)dir->bytes * rate));
	set_int(o, "bw", (uint64_t)((double)dir->bytes * rate / 1024));
	set_real(o, "iops", (double)dir->ios * rate);
	set_int(o, "runtime", dir->ios ? (uint64_t)(seconds * 1000) : 0);
	set_int(o, "total_ios", dir->ios);
	set_int(o, "short_ios", 0);
	set_int(o, "drop_ios", 0);
	/* Submission is part of the latency: there is no moment between the two to take. */
	json_object_set_new(o, "slat_ns", latency(&none, false));
	json_object_set_new(o, "clat_ns", latency(&dir->latency, true));
	json_object_set_new(o, "lat_ns", latency(&dir->latency, false));
	set_samples(o, dir);
	return o;
}

/* How many I/Os took that long: reads, writes and trims, as fio counts them. */
static uint64_t count_between(const struct bench_result *r, uint64_t from, uint64_t to)
{
	uint64_t n = 0;

	for (unsigned d = 0; d < BENCH_SYNCS; d++)
		n += histogram_between(&r->dir[d].latency, from, to);
	return n;
}

/* The share of I/Os, in per cent, up to each bound: fio's latency_ns, _us and _ms. */
static json_t *shares(const struct bench_result *r, uint64_t unit, const unsigned *bounds,
	unsigned n, uint64_t from)
{
	uint64_t total = bench_ios(r) - r->dir[BENCH_SYNCS].ios;
	json_t *o = json_object();

	for (unsigned i = 0; i < n; i++) {
		uint64_t to = bounds[i] * unit;
		uint64_t count = count_between(r, from, to);
		char key[16];

		snprintf(key, sizeof(key), "%u", bounds[i]);
		set_real(o, key, total ? 100.0 * (double)count / (double)total : 0);
		from = to;
	}
	if (unit == 1000000) {
		uint64_t count = count_between(r, from, UINT64_MAX);

		set_real(o, ">=2000", total ? 100.0 * (double)count / (double)total : 0);
	}
	return o;
}

static void set_shares(json_t *job, const struct bench_result *r)
{
	static const unsigned bounds[] = { 2, 4, 10, 20, 50, 100, 250, 500, 750, 1000, 2000 };

	json_object_set_new(job, "latency_ns", shares(r, 1, bounds, 10, 0));
	json_object_set_new(job, "latency_us", shares(r, 1000, bounds, 10, 1000));
	json_object_set_new(job, "latency_ms", shares(r, 1000000, bounds, 11, 1000000));
}

static json_t *job_options(const struct bench_report *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(r->options->name));
	for (unsigned i = 0; i < r->given->count; i++) {
		json_t *text = json_string(r->given->value[i]);

		/* A file's name need not be UTF-8, JSON's text has to be. */
		json_object_set_new(o, r->given->name[i], text ? text : json_string("(not UTF-8)"));
	}
	return o;
}

static json_t *sync_latency(const struct bench_direction *dir)
{
	json_t *o = json_object();

	json_object_set_new(o, "lat_ns", latency(&dir->latency, true));
	set_int(o, "total_ios", dir->ios);
	return o;
}

static json_t *job(const struct bench_report *r, const struct bench_result *res)
{
	double seconds = res->seconds > 0 ? res->seconds : 0;
	json_t *o = json_object();

	json_object_set_new(o, "jobname", json_string(r->options->name));
	set_int(o, "groupid", 0);
	set_int(o, "error", bench_error(res));
	set_int(o, "eta", 0);
	set_int(o, "elapsed", r->elapsed_seconds);
	json_object_set_new(o, "job options", job_options(r));
	json_object_set_new(o, "read", direction(&res->dir[BENCH_READS], seconds));
	json_object_set_new(o, "write", direction(&res->dir[BENCH_WRITES], seconds));
	json_object_set_new(o, "trim", direction(&res->dir[BENCH_TRIMS], seconds));
	json_object_set_new(o, "sync", sync_latency(&res->dir[BENCH_SYNCS]));
	set_int(o, "job_runtime", (uint64_t)(seconds * 1000));
	set_real(o, "usr_cpu", seconds > 0 ? 100 * res->user_seconds / seconds : 0);
	set_real(o, "sys_cpu", seconds > 0 ? 100 * res->system_seconds / seconds : 0);
	set_int(o, "ctx", res->context_switches);
	set_int(o, "majf", res->major_faults);
	set_int(o, "minf", res->minor_faults);
	set_shares(o, res);
	set_int(o, "latency_depth", r->options->iodepth);
	return o;
}

/* --- what fio does not have -------------------------------------------- */

static json_t *cpu(const struct bench_report *r)
{
	const struct bench_result *res = r->all;
	double ios = (double)bench_ios(res);
	double per = ios > 0 ? 1e6 / ios : 0;
	json_t *o = json_object();

	set_real(o, "frontend", (res->user_seconds + res->system_seconds) * per);
	if (r->options->vdev)
		return o; /* the others are elsewhere */
	set_real(o, "backend", r->cpu.backend * per);
	set_real(o, "hypervisor", r->cpu.hypervisor * per);
	set_real(o, "store", r->cpu.store * per);
	set_real(o, "driverd", r->cpu.daemon * per);
	return o;
}

static json_t *disk(const struct blkfront_info *info)
{
	json_t *o = json_object();

	set_int(o, "size", info->size);
	set_int(o, "sector_size", info->sector_size);
	set_int(o, "physical_sector_size", info->physical_sector_size);
	set_int(o, "max_io", info->max_io);
	set_int(o, "max_segments", info->max_segments);
	set_int(o, "depth", info->depth);
	set_int(o, "queues", info->queues);
	json_object_set_new(o, "readonly", json_boolean(info->readonly));
	json_object_set_new(o, "flush", json_boolean(info->flush));
	json_object_set_new(o, "barrier", json_boolean(info->barrier));
	json_object_set_new(o, "discard", json_boolean(info->discard));
	json_object_set_new(o, "persistent", json_boolean(info->persistent));
	json_object_set_new(o, "indirect", json_boolean(info->indirect));
	return o;
}

static json_t *own(const struct bench_report *r)
{
	const struct bench_result *res = r->all;
	json_t *o = json_object();
	json_t *verify = json_object();

	json_object_set_new(o, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(o, "cpu_seconds_per_million_ios", cpu(r));
	json_object_set_new(o, "disk", disk(&res->info));
	set_int(verify, "blocks", res->verified);
	set_int(verify, "errors", res->verify_errors);
	json_object_set_new(o, "verify", verify);
	set_int(o, "errors", res->errors);
	json_object_set_new(o, "stopped", json_boolean(res->stopped));
	return o;
}

int bench_report_json(FILE *to, const struct bench_report *r)
{
	json_t *o = json_object();
	json_t *jobs = json_array();
	struct timespec ts;
	char text[64];
	struct tm tm;
	int error;

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
	json_object_set_new(o, "fio version", json_string("sluice-" PACKAGE_VERSION));
	set_int(o, "timestamp", ts.tv_sec);
	set_int(o, "timestamp_ms", ts.tv_sec * 1000ull + ts.tv_nsec / 1000000);
	json_object_set_new(o, "time", json_string(text));
	json_object_set_new(o, "global options", json_object());
	if (r->options->group_reporting)
		json_array_append_new(jobs, job(r, r->all));
	for (unsigned i = 0; i < r->njobs && !r->options->group_reporting; i++)
		json_array_append_new(jobs, job(r, &r->jobs[i]));
	json_object_set_new(o, "jobs", jobs);
	json_object_set_new(o, "sluice", own(r));
	error = json_dumpf(o, to, JSON_INDENT(2) | JSON_PRESERVE_ORDER) < 0 ? -EIO : 0;
	json_decref(o);
	if (fputc('\n', to) == EOF || fflush(to) == EOF)
		error = -EIO;
	return error;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/compare.h"

#include <errno.h>

#include <jansson.h>

/* --- reading what fio, or who writes like fio, says ---------------------- */

static double number(json_t *job, const char *direction, const char *name)
{
	return json_number_value(json_object_get(json_object_get(job, direction), name));
}

static int add_jobs(json_t *jobs, struct compare_sample *s, char *why, size_t room)
{
	size_t i;
	json_t *job;

	json_array_foreach(jobs, i, job) {
		long long error = json_integer_value(json_object_get(job, "error"));

		if (error) {
			snprintf(why, room, "a job failed with error %lld", error);
			return -EIO;
		}
		s->iops += number(job, "read", "iops") + number(job, "write", "iops");
		s->bytes += number(job, "read", "bw_bytes") + number(job, "write", "bw_bytes");
	}
	if (s->iops > 0)
		return 0;
	snprintf(why, room, "its result has no I/Os");
	return -EIO;
}

static double all_parts(json_t *cpu)
{
	const char *name;
	json_t *part;
	double sum = 0;

	json_object_foreach(cpu, name, part)
		sum += json_number_value(part);
	return sum;
}

/* fio may say something in front of its JSON. NULL with @why. */
static json_t *load(const char *path, char *why, size_t room)
{
	FILE *f = fopen(path, "re");
	json_error_t bad = { .text = "it is not there" };
	json_t *o = NULL;
	int c = EOF;

	while (f && (c = fgetc(f)) != EOF && c != '{')
		;
	if (c == '{' && ungetc(c, f) == c)
		o = json_loadf(f, JSON_DISABLE_EOF_CHECK, &bad);
	if (f)
		fclose(f);
	if (!o)
		snprintf(why, room, "its result is no JSON: %s", bad.text);
	return o;
}

int compare_read_json(const char *path, struct compare_sample *s, double *own_cpu, char *why,
	size_t room)
{
	json_t *o = load(path, why, room);
	json_t *cpu;
	int error;

	*s = (struct compare_sample){ 0 };
	*own_cpu = -1;
	if (!o)
		return -EIO;
	error = add_jobs(json_object_get(o, "jobs"), s, why, room);
	cpu = json_object_get(json_object_get(o, "sluice"), "cpu_seconds_per_million_ios");
	if (cpu)
		*own_cpu = all_parts(cpu);
	json_decref(o);
	return error;
}

/* --- writing ------------------------------------------------------------- */

static json_t *summary(const struct compare_result *r, enum compare_peer peer, enum compare_value value)
{
	struct compare_summary s = compare_summary(r, peer, value);

	return json_pack("{s:f, s:f, s:f}", "median", s.median, "min", s.min, "max", s.max);
}

static void set_ratio(json_t *o, const char *key, const struct compare_result *r,
	enum compare_peer peer, enum compare_peer other)
{
	double ratio = other < COMPARE_PEERS ? compare_ratio(r, peer, other) : 0;

	json_object_set_new(o, key, ratio > 0 ? json_real(ratio) : json_null());
}

static json_t *peer_result(const struct compare_result *r, enum compare_peer peer)
{
	json_t *o = json_object();

	json_object_set_new(o, "peer", json_string(compare_peer_name(peer)));
	json_object_set_new(o, "runs", json_integer(compare_summary(r, peer, COMPARE_IOPS).count));
	json_object_set_new(o, "iops", summary(r, peer, COMPARE_IOPS));
	json_object_set_new(o, "bw_bytes", summary(r, peer, COMPARE_BYTES));
	json_object_set_new(o, "cpu_seconds_per_million_ios", summary(r, peer, COMPARE_CPU));
	set_ratio(o, "ratio_to_fio", r, peer, compare_fio(r));
	set_ratio(o, "ratio_to_best_vhost_user_blk", r, peer, compare_best_vhost(r));
	return o;
}

static json_t *workload(const struct compare_result *r)
{
	const struct workload *w = r->workload;
	json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i}", "name", w->name, "rw", w->rw, "bs",
		w->bs, "iodepth", (int)w->iodepth, "numjobs", (int)w->numjobs, "rounds", (int)r->rounds);
	json_t *peers = json_array();

	for (unsigned p = 0; p < COMPARE_PEERS; p++)
		if (compare_summary(r, p, COMPARE_IOPS).count)
			json_array_append_new(peers, peer_result(r, p));
	json_object_set_new(o, "results", peers);
	return o;
}

int compare_json(FILE *to, const struct compare_result *results, unsigned n,
	const struct compare_left_out *left_out)
{
	json_t *o = json_object(), *all = json_array(), *left = json_array();
	int error;

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(all, workload(&results[i]));
	for (unsigned p = 0; p < COMPARE_PEERS; p++)
		if (left_out->why[p][0])
			json_array_append_new(left, json_pack("{s:s, s:s}", "peer", compare_peer_name(p),
				"why", left_out->why[p]));
	json_object_set_new(o, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(o, "workloads", all);
	json_object_set_new(o, "left_out", left);
	error = json_dumpf(o, to, JSON_INDENT(2) | JSON_PRESERVE_ORDER) < 0 ? -EIO : 0;
	json_decref(o);
	if (fputc('\n', to) == EOF || fflush(to) == EOF)
		error = -EIO;
	return error;
}

// SPDX-License-Identifier: MIT
/* The load's process in the guest domain: connect, run the phases, report. */
#include "config.h"
#include "tools/bench-load.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static int refuse(struct load *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Tell the user why there is no load. Return: the exit status. */
static int refuse(struct load *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)!bench_send(l->sock, BENCH_FAILED, text, strlen(text));
	return 1;
}

/* The fewest ring pages that hold all requests of iodepth I/Os. */
static unsigned ring_order(const struct bench_options *o)
{
	uint64_t segments = (o->bs + 4095) / 4096;
	uint64_t requests = (segments + o->segments - 1) / o->segments * o->iodepth;
	unsigned order = 0;

	if (o->ring_order != BENCH_RING_AUTO)
		return o->ring_order;
	while (order < 4 && 32u << order < requests)
		order++;
	return order;
}

static int connect_disk(struct load *l)
{
	uint32_t needed = (l->opt.bs + 4095) / 4096;
	struct blkfront_config config = {
		.ring_order = ring_order(&l->opt),
		/* Buffers no larger than the I/Os: a small load keeps a small footprint. */
		.max_segments = needed < l->opt.segments ? needed : l->opt.segments,
		.poll_us = l->opt.poll_us ? l->opt.poll_us : BLKFRONT_NO_POLL,
		.timeout_ms = 30000,
	};
	char why[400] = "";

	l->bf = blkfront_open(&config, why, sizeof(why));
	if (!l->bf)
		return refuse(l, "%s", why[0] ? why : strerror(errno));
	l->info = *blkfront_get_info(l->bf);
	return 0;
}

static int fit_to_disk(struct load *l)
{
	struct bench_options *o = &l->opt;
	uint64_t size = o->size;

	if (o->offset >= l->info.size)
		return refuse(l, "--offset=%llu is beyond the disk's end at %llu",
			(unsigned long long)o->offset, (unsigned long long)l->info.size);
	if (!size || size > l->info.size - o->offset)
		size = l->info.size - o->offset;
	if (o->size && size < o->size)
		return refuse(l, "--size=%llu is more than the disk has: %llu bytes from the offset on",
			(unsigned long long)o->size, (unsigned long long)size);
	l->blocks = size / o->bs;
	if (!l->blocks)
		return refuse(l, "the disk has %llu bytes, less than --bs=%u",
			(unsigned long long)l->info.size, o->bs);
	if (o->bs % l->info.sector_size || o->offset % l->info.sector_size)
		return refuse(l, "--bs and --offset must be multiples of the disk's sectors of %u bytes",
			l->info.sector_size);
	if (l->info.readonly && (o->rw & BENCH_RW_WRITE))
		return refuse(l, "the disk is read only: --rw=%s cannot write", bench_rw_name(o->rw));
	if (!bench_is_time_based(o))
		l->target = l->blocks * o->loops;
	return 0;
}

/* --- measuring --------------------------------------------------------- */

static double seconds_of(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

/* What this process used since @before. */
static void add_usage(struct bench_result *r, const struct rusage *before)
{
	struct rusage now;

	getrusage(RUSAGE_SELF, &now);
	r->user_seconds = seconds_of(now.ru_utime) - seconds_of(before->ru_utime);
	r->system_seconds = seconds_of(now.ru_stime) - seconds_of(before->ru_stime);
	r->context_switches = now.ru_nvcsw - before->ru_nvcsw + now.ru_nivcsw - before->ru_nivcsw;
	r->major_faults = now.ru_majflt - before->ru_majflt;
	r->minor_faults = now.ru_minflt - before->ru_minflt;
}

static int run_phases(struct load *l)
{
	struct rusage before;
	int error = 0;

	if (l->opt.ramp_us)
		error = load_phase(l, BENCH_RAMPING, l->opt.ramp_us);
	if (error < 0 || l->result->stopped || l->result->errors)
		return error;
	getrusage(RUSAGE_SELF, &before);
	error = bench_send(l->sock, BENCH_BEGIN, &l->info, sizeof(l->info));
	if (error == 0)
		error = load_phase(l, BENCH_RUNNING, l->opt.runtime_us);
	add_usage(l->result, &before);
	if (error == 0)
		error = bench_send(l->sock, BENCH_END, NULL, 0);
	if (error == 0 && l->opt.verify && (l->opt.rw & BENCH_RW_WRITE) && !l->result->errors &&
		!l->result->stopped)
		error = load_phase(l, BENCH_VERIFYING, 0);
	return error;
}

static int run_load(struct load *l)
{
	int status = connect_disk(l);
	int error;

	if (status == 0)
		status = fit_to_disk(l);
	if (status)
		return status;
	error = load_prepare(l);
	if (error < 0)
		return refuse(l, "cannot prepare the load: %s%s", strerror(-error),
			error == -ENOMEM && l->opt.verify ? "; a smaller --size needs less memory" : "");
	error = run_phases(l);
	if (error < 0)
		return refuse(l, "the load failed: %s", strerror(-error));
	l->result->info = l->info;
	return bench_send(l->sock, BENCH_RESULT, l->result, sizeof(*l->result)) < 0;
}

int bench_guest_main(int argc, char **argv)
{
	struct load l = { .sock = -1 };
	enum bench_message_type type;
	int status;

	if (argc < 2)
		return 1;
	/* A terminal's Ctrl-C is for the tool, which tells us. */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	l.sock = atoi(argv[1]);
	l.result = calloc(1, sizeof(*l.result));
	if (!l.result || bench_recv(l.sock, &type, &l.opt, sizeof(l.opt), true) != sizeof(l.opt) ||
		type != BENCH_CONFIG)
		return 1;
	status = run_load(&l);
	/* A backend that does not answer must not hold up the end. */
	if (!l.broken)
		blkfront_close(l.bf);
	load_free(&l);
	free(l.result);
	return status;
}

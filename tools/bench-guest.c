// SPDX-License-Identifier: MIT
/*
 * The load's process in the guest domain: connects the disk, runs the phases with a
 * thread per job, reports. The first thread only starts the others and listens.
 */
#include "config.h"
#include "tools/bench-load.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* One thread for a job in a phase. */
struct job {
	struct load load;
	struct guest *guest;
	pthread_t thread;
	struct bench_result result;
};

struct guest {
	struct bench_options opt;
	struct blkfront *bf;
	int sock;
	unsigned njobs;
	struct job *jobs;
	atomic_bool stop;
	int done_fd;               /* counts jobs whose phase is over */
	enum bench_phase phase;
	uint64_t phase_us;
};

static int refuse(struct guest *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Tell the user why there is no load. Return: the exit status. */
static int refuse(struct guest *g, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)!bench_send(g->sock, BENCH_FAILED, text, strlen(text));
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

static int connect_disk(struct guest *g)
{
	uint32_t needed = (g->opt.bs + 4095) / 4096;
	struct blkfront_config config = {
		.vdev = g->opt.vdev,
		.queues = g->opt.numjobs,
		.ring_order = ring_order(&g->opt),
		/* Buffers no larger than the I/Os: a small load keeps a small footprint. */
		.max_segments = needed < g->opt.segments ? needed : g->opt.segments,
		.poll_us = g->opt.poll_us ? g->opt.poll_us : BLKFRONT_NO_POLL,
		.timeout_ms = 30000,
	};
	unsigned queues;
	char why[400] = "";

	g->bf = blkfront_open(&config, why, sizeof(why));
	if (!g->bf)
		return refuse(g, "%s", why[0] ? why : strerror(errno));
	queues = blkfront_get_info(g->bf)->queues;
	if (queues < g->opt.numjobs)
		return refuse(g, "--numjobs=%u: the disk offers only %u queue%s, and each job needs one",
			g->opt.numjobs, queues, queues == 1 ? "" : "s");
	return 0;
}

/* What the kind of load needs of the disk; NULL: it has it. */
static const char *missing(const struct bench_options *o, const struct blkfront_info *info)
{
	if (info->readonly && o->rw & (BENCH_RW_WRITE | BENCH_RW_TRIM))
		return "the disk is read only: it cannot be written or trimmed";
	if (o->rw & BENCH_RW_TRIM && !info->discard)
		return "the disk has no discard: --rw=trim and randtrim need storage that can free space";
	if (o->fsync && !info->flush)
		return "the disk has no flush: --fsync needs one";
	return NULL;
}

static int fit_to_disk(struct guest *g, struct load *l)
{
	const struct bench_options *o = &g->opt;
	const char *lack = missing(o, &l->info);
	uint64_t size = o->size;

	if (lack)
		return refuse(g, "%s", lack);
	if (o->offset >= l->info.size)
		return refuse(g, "--offset=%llu is beyond the disk's end at %llu",
			(unsigned long long)o->offset, (unsigned long long)l->info.size);
	if (!size || size > l->info.size - o->offset)
		size = l->info.size - o->offset;
	if (o->size && size < o->size)
		return refuse(g, "--size=%llu is more than the disk has: %llu bytes from the offset on",
			(unsigned long long)o->size, (unsigned long long)size);
	l->blocks = size / o->bs;
	if (!l->blocks)
		return refuse(g, "the disk has %llu bytes, less than --bs=%u",
			(unsigned long long)l->info.size, o->bs);
	if (o->bs % l->info.sector_size || o->offset % l->info.sector_size)
		return refuse(g, "--bs and --offset must be multiples of the disk's sectors of %u bytes",
			l->info.sector_size);
	if (!bench_is_time_based(o))
		l->target = l->blocks * o->loops;
	return 0;
}

static int prepare_job(struct guest *g, unsigned i)
{
	struct job *job = &g->jobs[i];
	struct load *l = &job->load;
	int error;

	job->guest = g;
	job->result.job = i;
	*l = (struct load){ .job = i, .bf = g->bf, .queue = blkfront_queue(g->bf, i), .opt = g->opt,
		.info = *blkfront_get_info(g->bf), .sock = g->sock, .stop = &g->stop,
		.result = &job->result };
	job->result.info = l->info;
	if (fit_to_disk(g, l))
		return 1;
	error = load_prepare(l);
	if (error < 0)
		return refuse(g, "cannot prepare the load: %s%s", strerror(-error),
			error == -ENOMEM && l->opt.verify ? "; a smaller --size needs less memory" : "");
	return 0;
}

/* --- measuring --------------------------------------------------------- */

static double seconds_of(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

/* What this thread used since @before. */
static void add_usage(struct bench_result *r, const struct rusage *before)
{
	struct rusage now;

	getrusage(RUSAGE_THREAD, &now);
	r->user_seconds = seconds_of(now.ru_utime) - seconds_of(before->ru_utime);
	r->system_seconds = seconds_of(now.ru_stime) - seconds_of(before->ru_stime);
	r->context_switches = now.ru_nvcsw - before->ru_nvcsw + now.ru_nivcsw - before->ru_nivcsw;
	r->major_faults = now.ru_majflt - before->ru_majflt;
	r->minor_faults = now.ru_minflt - before->ru_minflt;
}

static void *job_main(void *opaque)
{
	struct job *job = opaque;
	struct guest *g = job->guest;
	struct rusage before;
	uint64_t one = 1;

	/* Sleeps that end on time: a paced load would miss its times by the default of 50 us. */
	(void)prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
	getrusage(RUSAGE_THREAD, &before);
	load_phase(&job->load, g->phase, g->phase_us);
	if (g->phase == BENCH_RUNNING)
		add_usage(&job->result, &before);
	(void)!write(g->done_fd, &one, sizeof(one)); /* cannot overflow */
	return NULL;
}

static bool take_stop(struct guest *g)
{
	enum bench_message_type type;
	char body[16];

	return bench_recv(g->sock, &type, body, sizeof(body), false) != -EAGAIN;
}

/* Until @running jobs are done; a stop, or the end of who would tell it, is for all of them. */
static void await_jobs(struct guest *g, unsigned running)
{
	struct pollfd fds[] = { { .fd = g->done_fd, .events = POLLIN },
		{ .fd = g->sock, .events = POLLIN } };

	while (running) {
		uint64_t n;

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents && read(g->done_fd, &n, sizeof(n)) == sizeof(n))
			running -= n;
		if (fds[1].revents && take_stop(g)) {
			g->stop = true;
			fds[1].fd = -1;
		}
	}
}

/* 0 or -errno. */
static int run_phase(struct guest *g, enum bench_phase phase, uint64_t us)
{
	unsigned started = 0;
	int error = 0;

	g->phase = phase;
	g->phase_us = us;
	while (started < g->njobs && error == 0) {
		error = -pthread_create(&g->jobs[started].thread, NULL, job_main, &g->jobs[started]);
		started += error == 0;
	}
	if (error < 0)
		g->stop = true;
	await_jobs(g, started);
	for (unsigned i = 0; i < started; i++)
		pthread_join(g->jobs[i].thread, NULL);
	return error;
}

/* Whether there is no point in a further phase. */
static bool is_over(const struct guest *g)
{
	for (unsigned i = 0; i < g->njobs; i++)
		if (g->jobs[i].result.errors)
			return true;
	return g->stop;
}

static int run_phases(struct guest *g)
{
	int error = 0;

	if (g->opt.ramp_us)
		error = run_phase(g, BENCH_RAMPING, g->opt.ramp_us);
	if (error < 0 || is_over(g))
		return error;
	error = bench_send(g->sock, BENCH_BEGIN, NULL, 0);
	if (error == 0)
		error = run_phase(g, BENCH_RUNNING, g->opt.runtime_us);
	if (error == 0)
		error = bench_send(g->sock, BENCH_END, NULL, 0);
	if (error == 0 && g->opt.verify && g->opt.rw & BENCH_RW_WRITE && !is_over(g))
		error = run_phase(g, BENCH_VERIFYING, 0);
	return error;
}

static int run_jobs(struct guest *g)
{
	int error;

	g->done_fd = eventfd(0, EFD_CLOEXEC);
	if (g->done_fd < 0)
		return refuse(g, "cannot prepare the load: %s", strerror(errno));
	for (; g->njobs < g->opt.numjobs; g->njobs++)
		if (prepare_job(g, g->njobs))
			return 1;
	error = run_phases(g);
	if (error < 0)
		return refuse(g, "the load failed: %s", strerror(-error));
	for (unsigned i = 0; i < g->njobs && error == 0; i++) {
		g->jobs[i].result.stopped |= g->stop;
		error = bench_send(g->sock, BENCH_RESULT, &g->jobs[i].result,
			sizeof(g->jobs[i].result));
	}
	return error < 0;
}

/* A backend that does not answer must not hold up the end. */
static void close_disk(struct guest *g)
{
	bool broken = false;

	for (unsigned i = 0; i < g->njobs; i++)
		broken |= g->jobs[i].load.broken;
	if (!broken)
		blkfront_close(g->bf);
	for (unsigned i = 0; i < g->opt.numjobs; i++)
		load_free(&g->jobs[i].load);
}

int bench_guest_main(int argc, char **argv)
{
	struct guest g = { .sock = -1, .done_fd = -1 };
	enum bench_message_type type;
	int status;

	if (argc < 2)
		return 1;
	/* A terminal's Ctrl-C is for the tool, which tells us. */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	g.sock = atoi(argv[1]);
	if (bench_recv(g.sock, &type, &g.opt, sizeof(g.opt), true) != sizeof(g.opt) ||
		type != BENCH_CONFIG)
		return 1;
	g.jobs = calloc(g.opt.numjobs, sizeof(*g.jobs));
	if (!g.jobs)
		return refuse(&g, "no memory");
	status = connect_disk(&g);
	if (status == 0)
		status = run_jobs(&g);
	close_disk(&g);
	free(g.jobs);
	return status;
}

// SPDX-License-Identifier: MIT
/* Moves I/Os: submits them, takes their completions, keeps the time. */
#include "config.h"
#include "tools/bench-load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/prng.h"

#define NS 1000000000ull
#define LOAD_TICK_NS (NS / 2)
/* How long I/Os may take once no more are issued. */
#define LOAD_DRAIN_NS (30 * NS)
/* Completions that share one look at the clock: a few hundred nanoseconds. */
#define LOAD_CLOCK_SHARE 8

static void part_done(struct blkfront_io *io);

uint64_t load_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

void load_fault(struct load *l, int error, const char *fmt, ...)
{
	va_list ap;

	l->ending = true;
	if (l->result->errors++)
		return;
	l->result->error = -error;
	va_start(ap, fmt);
	vsnprintf(l->result->error_text, sizeof(l->result->error_text), fmt, ap);
	va_end(ap);
}

/* Reads and writes go from buffers that hold noise, so that nothing can cheat with zeroes. */
static void fill_buffers(struct load *l)
{
	struct blkfront_io **ios = calloc(l->info.depth, sizeof(*ios));
	uint64_t seed = l->opt.randseed + 1 + l->job;
	unsigned n = 0;

	while (ios && n < l->info.depth && (ios[n] = blkfront_queue_get(l->queue)))
		n++;
	for (unsigned i = 0; i < n; i++) {
		uint64_t *words = ios[i]->data;

		for (uint32_t k = 0; k < l->part / 8; k++)
			words[k] = prng_next(&seed);
		blkfront_queue_put(l->queue, ios[i]);
	}
	free(ios);
}

int load_prepare(struct load *l)
{
	int error;

	l->part = l->info.max_io & ~4095u;
	if (!l->part)
		return -EPROTO;
	if (l->part > l->opt.bs)
		l->part = l->opt.bs;
	l->nslots = l->opt.iodepth;
	/* With verify at most one I/O per block. */
	if (l->opt.verify && l->nslots > l->blocks)
		l->nslots = l->blocks;
	l->slots = calloc(l->nslots, sizeof(*l->slots));
	l->waiting = (struct load_list){ .tail = &l->waiting.first };
	if (!l->slots)
		return -ENOMEM;
	for (unsigned i = 0; i < l->nslots; i++)
		l->slots[i].load = l;
	error = pick_prepare(l);
	if (error < 0)
		return error;
	fill_buffers(l);
	return 0;
}

void load_free(struct load *l)
{
	pick_free(l);
	free(l->slots);
	l->slots = NULL;
}

/* --- one I/O ----------------------------------------------------------- */

enum bench_dir load_dir(enum blkfront_op op)
{
	switch (op) {
	case BLKFRONT_READ:
		return BENCH_READS;
	case BLKFRONT_DISCARD:
		return BENCH_TRIMS;
	case BLKFRONT_FLUSH:
		return BENCH_SYNCS;
	default:
		return BENCH_WRITES;
	}
}

static void slot_fault(struct load *l, const struct load_slot *slot, int error)
{
	static const char *const names[] = { "read", "write", "trim", "flush" };

	if (slot->op == BLKFRONT_FLUSH)
		load_fault(l, error, "flush: %s", strerror(-error));
	else
		load_fault(l, error, "%s of %u bytes at offset %" PRIu64 ": %s", names[load_dir(slot->op)],
			l->opt.bs, l->opt.offset + slot->block * l->opt.bs, strerror(-error));
}

/* A read that moves nothing must not find what an earlier I/O left in the buffer. */
static void poison(struct load_slot *slot, void *data, uint32_t length)
{
	uint32_t unit = verify_unit(slot->w.length);

	for (uint32_t at = 0; at < length; at += unit)
		memset((char *)data + at, 0xa5, sizeof(struct verify_header));
}

/* Return: how many bytes of the slot's I/O this part is. */
static uint32_t fill_part(struct load *l, struct load_slot *slot, struct blkfront_io *io)
{
	uint32_t left = l->opt.bs - slot->submitted;

	io->op = slot->op;
	io->offset = l->opt.offset + slot->block * l->opt.bs + slot->submitted;
	io->length = left;
	io->done = part_done;
	io->opaque = slot;
	if (slot->op == BLKFRONT_DISCARD)
		return left;
	if (slot->op == BLKFRONT_FLUSH) {
		io->offset = io->length = 0;
		return left;
	}
	if (left > l->part)
		io->length = l->part;
	if (l->busy && slot->op == BLKFRONT_WRITE)
		verify_fill(io->data, io->length, &slot->w, slot->submitted);
	else if (slot->check)
		poison(slot, io->data, io->length);
	return io->length;
}

/* Put on the ring what there are buffers for; false when some is left. */
static bool submit_parts(struct load *l, struct load_slot *slot)
{
	while (slot->submitted < l->opt.bs && !slot->error) {
		struct blkfront_io *io = blkfront_queue_get(l->queue);
		uint32_t length;
		int error;

		if (!io)
			return false;
		length = fill_part(l, slot, io);
		error = blkfront_queue_submit(l->queue, io);
		if (error < 0) {
			slot->error = error;
			blkfront_queue_put(l->queue, io);
			slot_fault(l, slot, error);
			break;
		}
		slot->submitted += length;
		slot->parts++;
	}
	return true;
}

static void finish_slot(struct load *l, struct load_slot *slot);

/* Also while others wait: buffers are given out in turn. */
static void submit_slot(struct load *l, struct load_slot *slot)
{
	if (l->waiting.first || !submit_parts(l, slot)) {
		slot->queued = true;
		load_list_add(&l->waiting, slot);
	} else if (!slot->parts) {
		/* Nothing of it went out: its error ends it here. */
		finish_slot(l, slot);
	}
}

/* Give @slot its next I/O, or let it rest. It counts as active before and after. */
static void start_slot(struct load *l, struct load_slot *slot)
{
	if (!l->ending && !pace_admit(l, slot))
		return;
	if (l->ending || !pick_next(l, slot)) {
		l->active--;
		return;
	}
	slot->submitted = 0;
	slot->parts = 0;
	slot->error = 0;
	slot->bad = slot->queued = false;
	submit_slot(l, slot);
}

static void count_slot(struct load *l, struct load_slot *slot)
{
	enum bench_dir d = load_dir(slot->op);
	struct bench_direction *dir = &l->result->dir[d];

	if (d != BENCH_SYNCS)
		l->done_blocks++;
	if (slot->check)
		l->result->verified++;
	if (l->phase != BENCH_RUNNING)
		return;
	dir->ios++;
	dir->bytes += d == BENCH_SYNCS ? 0 : l->opt.bs;
	histogram_add(&dir->latency, l->now_ns - slot->start_ns);
}

/* A whole I/O has ended. */
static void finish_slot(struct load *l, struct load_slot *slot)
{
	pick_done(l, slot);
	if (!slot->error)
		count_slot(l, slot);
	start_slot(l, slot);
}

static void check_part(struct load *l, struct load_slot *slot, struct blkfront_io *io)
{
	uint32_t skip = io->offset - slot->w.start;
	char why[sizeof(l->result->verify_text)];

	if (verify_check(io->data, io->length, &slot->w, skip, why, sizeof(why)) == 0 || slot->bad)
		return;
	slot->bad = true;
	if (!l->result->verify_errors++)
		memcpy(l->result->verify_text, why, sizeof(why));
}

/* A buffer is free again: the first of those that wait goes on. */
static void resubmit_waiting(struct load *l)
{
	struct load_slot *slot = l->waiting.first;

	if (!slot || !submit_parts(l, slot))
		return;
	(void)load_list_take(&l->waiting);
	slot->queued = false;
	if (!slot->parts)
		finish_slot(l, slot);
}

static void part_done(struct blkfront_io *io)
{
	struct load_slot *slot = io->opaque;
	struct load *l = slot->load;

	if (l->clock_uses++ % LOAD_CLOCK_SHARE == 0)
		l->now_ns = load_now();
	if (io->error && *blkfront_why(l->bf)) {
		/* The device as a whole failed: that is what is to be told. */
		slot->error = io->error;
		load_fault(l, io->error, "%s", blkfront_why(l->bf));
	} else if (io->error) {
		slot->error = io->error;
		slot_fault(l, slot, io->error);
	} else if (slot->check) {
		check_part(l, slot, io);
	}
	blkfront_queue_put(l->queue, io);
	slot->parts--;
	if (!slot->parts && !slot->queued)
		finish_slot(l, slot);
	resubmit_waiting(l);
}

/* --- time -------------------------------------------------------------- */

static void add_sample(struct bench_samples *s, double value)
{
	if (!s->count || value < s->min)
		s->min = value;
	if (value > s->max)
		s->max = value;
	s->count++;
	s->sum += value;
	s->sum_squares += value * value;
}

static double progress_done(const struct load *l, double elapsed)
{
	double all = l->phase == BENCH_VERIFYING ? (double)l->next / (double)l->blocks : 0;

	if (l->phase != BENCH_VERIFYING && l->target)
		all = (double)l->done_blocks / (double)l->target;
	if (l->end_ns) {
		double timed = elapsed / ((double)(l->end_ns - l->begun_ns) / NS);

		all = timed > all ? timed : all;
	}
	return all > 1 ? 1 : all;
}

/* A sample of the rates, and a line for the user. */
static void tick(struct load *l)
{
	double elapsed = (double)(l->now_ns - l->begun_ns) / NS;
	static const uint32_t kinds[BENCH_SYNCS] = { BENCH_RW_READ, BENCH_RW_WRITE, BENCH_RW_TRIM };
	struct bench_progress p = {
		.job = l->job,
		.phase = l->phase,
		.seconds = (double)(l->now_ns - l->tick_ns) / NS,
		.done = progress_done(l, elapsed),
	};

	for (unsigned d = 0; d < BENCH_SYNCS; d++) {
		struct bench_direction *dir = &l->result->dir[d];

		p.ios[d] = dir->ios - l->tick_ios[d];
		p.bytes[d] = dir->bytes - l->tick_bytes[d];
		l->tick_ios[d] = dir->ios;
		l->tick_bytes[d] = dir->bytes;
		if (l->phase == BENCH_RUNNING && l->opt.rw & kinds[d]) {
			add_sample(&dir->iops, (double)p.ios[d] / p.seconds);
			add_sample(&dir->bandwidth, (double)p.bytes[d] / 1024 / p.seconds);
		}
	}
	p.eta = p.done > 0 ? elapsed / p.done - elapsed : -1;
	l->tick_ns = l->now_ns;
	/* A reader that is gone is found out by who waits for its commands. */
	(void)!bench_send(l->sock, BENCH_PROGRESS, &p, sizeof(p));
}

static void keep_time(struct load *l)
{
	if (l->end_ns && l->now_ns >= l->end_ns)
		l->ending = true;
	if (*l->stop) {
		l->ending = true;
		l->result->stopped = true;
	}
	if (l->now_ns - l->tick_ns >= LOAD_TICK_NS)
		tick(l);
}

/* When something other than a completion is to be done. */
static uint64_t wait_end(const struct load *l)
{
	uint64_t until = l->tick_ns + LOAD_TICK_NS;

	if (l->end_ns && !l->ending && l->end_ns < until)
		until = l->end_ns;
	if (l->resting.first && l->due_ns < until)
		until = l->due_ns;
	return until;
}

/* Those whose time has come; at the end all, which then have nothing to do. */
static void start_resting(struct load *l)
{
	struct load_slot *slot;

	while ((slot = pace_next(l)))
		start_slot(l, slot);
}

/* True when the device answers no more. */
static bool gave_up(struct load *l, uint64_t *ending_ns)
{
	if (!l->ending)
		return false;
	if (!*ending_ns)
		*ending_ns = l->now_ns;
	if (l->now_ns - *ending_ns <= LOAD_DRAIN_NS)
		return false;
	l->broken = true;
	load_fault(l, -ETIMEDOUT, "%u I/Os were not answered within %llu s", l->active,
		LOAD_DRAIN_NS / NS);
	return true;
}

static void run_until_idle(struct load *l)
{
	uint64_t ending_ns = 0;

	while (l->active && !gave_up(l, &ending_ns)) {
		int n;

		l->clock_uses = 0;
		n = blkfront_queue_wait_until(l->queue, wait_end(l));
		if (n < 0) {
			l->broken = true;
			load_fault(l, n, "%s", blkfront_why(l->bf));
			return;
		}
		if (n == 0 || l->resting.first)
			l->now_ns = load_now();
		keep_time(l);
		start_resting(l);
	}
}

void load_phase(struct load *l, enum bench_phase phase, uint64_t duration_us)
{
	if (l->broken)
		return;
	l->phase = phase;
	l->ending = false;
	l->issued = 0;
	l->done_blocks = 0;
	if (phase == BENCH_VERIFYING)
		l->next = 0;
	l->now_ns = l->begun_ns = l->tick_ns = load_now();
	l->end_ns = duration_us ? l->begun_ns + duration_us * 1000 : 0;
	pace_begin(l);
	l->active = l->nslots;
	for (unsigned i = 0; i < l->nslots; i++)
		start_slot(l, &l->slots[i]);
	run_until_idle(l);
	if (phase == BENCH_RUNNING && l->now_ns > l->begun_ns) {
		if (l->now_ns - l->tick_ns >= LOAD_TICK_NS / 2 || l->tick_ns == l->begun_ns)
			tick(l);
		l->result->seconds = (double)(l->now_ns - l->begun_ns) / NS;
	}
}

// SPDX-License-Identifier: MIT
/*
 * A guest whose backend is killed again and again: it writes, reads back, flushes, discards
 * and sends barriers on every queue, and any error, wrong block, lost or second answer ends
 * it with a message. Says how long nothing was answered, so that the pause can be measured.
 *
 *     blk-survivor SECONDS FILE [OPTION..]: depth=N queues=N segments=N persistent=0|1 kib=N
 *
 * It ends when FILE is there, and fails when it is not in SECONDS.
 *
 * Each block has at most one I/O at a time, so what it must hold is known: the last write,
 * or, from a discard on until the next write, that or zeroes. Every sector of a block names
 * the block and the write.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/array.h"
#include "common/log.h"
#include "frontends/blkfront.h"

#define SECTOR 512u
#define GAP_NS UINT64_C(1000000)
#define LOOK_NS UINT64_C(50000000)

enum content { WRITTEN, DISCARDED };

struct block {
	uint64_t sequence; /* of the last write, 0: none yet, anything may be there */
	enum content content;
	bool busy;
};

struct survivor {
	struct blkfront_queue *q;
	const struct blkfront_info *info;
	pthread_t thread;
	struct block *blocks;
	uint64_t first, count; /* blocks of this queue */
	uint32_t block_bytes;
	uint64_t sequence;
	unsigned seed, in_flight;
	const char *stop_file;
	bool stopping;
	uint64_t end_ns, looked_ns, last_ns;
	uint64_t done[BLKFRONT_BARRIER + 1];
	bool failed;
};

/* One that is in flight; in io->opaque. */
struct flight {
	struct survivor *s;
	struct block *b;
	uint64_t sequence;
};

static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

static void wrong(struct survivor *s, const char *what, uint64_t block, uint64_t sector)
{
	pthread_mutex_lock(&out_lock);
	printf("FAILED: %s: block %" PRIu64 " sector %" PRIu64 "\n", what, block, sector);
	fflush(stdout);
	pthread_mutex_unlock(&out_lock);
	s->failed = true;
}

static uint64_t block_number(const struct survivor *s, const struct block *b)
{
	return s->first + (b - s->blocks);
}

static void fill(const struct survivor *s, struct blkfront_io *io, uint64_t block, uint64_t sequence)
{
	for (uint32_t at = 0; at < s->block_bytes; at += SECTOR) {
		uint64_t *words = (uint64_t *)((uint8_t *)io->data + at);

		for (unsigned i = 0; i < SECTOR / sizeof(*words); i += 2) {
			words[i] = block << 16 | at / SECTOR;
			words[i + 1] = sequence;
		}
	}
}

static bool is_zero(const uint64_t *words)
{
	for (unsigned i = 0; i < SECTOR / sizeof(*words); i++)
		if (words[i])
			return false;
	return true;
}

static void check(struct survivor *s, const struct blkfront_io *io, const struct block *b)
{
	uint64_t block = block_number(s, b);

	if (!b->sequence)
		return;
	for (uint32_t at = 0; at < s->block_bytes; at += SECTOR) {
		const uint64_t *words = (const uint64_t *)((const uint8_t *)io->data + at);

		if (b->content == DISCARDED && is_zero(words))
			continue;
		for (unsigned i = 0; i < SECTOR / sizeof(*words); i += 2) {
			if (words[i] == (block << 16 | at / SECTOR) && words[i + 1] == b->sequence)
				continue;
			wrong(s, words[i] == (block << 16 | at / SECTOR) ? "an old write is back" :
									   "not what was written",
				block, at / SECTOR);
			return;
		}
	}
}

/* How long nothing was answered although something was owed. */
static void note_gap(struct survivor *s)
{
	uint64_t now = clock_ns(CLOCK_REALTIME);

	if (now - s->last_ns >= GAP_NS) {
		pthread_mutex_lock(&out_lock);
		printf("gap %" PRIu64 " %" PRIu64 "\n", s->last_ns / 1000, (now - s->last_ns) / 1000);
		pthread_mutex_unlock(&out_lock);
	}
	s->last_ns = now;
}

static void on_done(struct blkfront_io *io)
{
	struct flight *f = io->opaque;
	struct survivor *s = f->s;

	note_gap(s);
	s->in_flight--;
	if (io->error)
		wrong(s, strerror(-io->error), f->b ? block_number(s, f->b) : 0, io->op);
	else if (io->op == BLKFRONT_READ)
		check(s, io, f->b);
	if (f->b && (io->op == BLKFRONT_WRITE || io->op == BLKFRONT_BARRIER)) {
		f->b->sequence = f->sequence;
		f->b->content = WRITTEN;
	} else if (f->b && io->op == BLKFRONT_DISCARD) {
		f->b->content = DISCARDED;
	}
	if (f->b)
		f->b->busy = false;
	s->done[io->op]++;
	free(f);
	blkfront_queue_put(s->q, io);
}

static enum blkfront_op choose(struct survivor *s)
{
	unsigned r = rand_r(&s->seed) % 100;

	if (s->info->readonly)
		return BLKFRONT_READ;
	if (r < 50)
		return BLKFRONT_WRITE;
	if (r < 85)
		return BLKFRONT_READ;
	if (r < 92)
		return s->info->discard ? BLKFRONT_DISCARD : BLKFRONT_READ;
	if (r < 98)
		return s->info->flush ? BLKFRONT_FLUSH : BLKFRONT_READ;
	/* Of a barrier's data the protocol has no indirect form. */
	return s->info->barrier && s->block_bytes <= 11 * 4096 ? BLKFRONT_BARRIER : BLKFRONT_WRITE;
}

/* False: no block is free. */
static bool start(struct survivor *s, struct blkfront_io *io)
{
	struct block *b = &s->blocks[rand_r(&s->seed) % s->count];
	struct flight *f;
	int rc;

	io->op = choose(s);
	if (io->op != BLKFRONT_FLUSH && b->busy)
		return false;
	f = calloc(1, sizeof(*f));
	if (!f)
		return false;
	*f = (struct flight){ .s = s, .b = io->op == BLKFRONT_FLUSH ? NULL : b };
	io->offset = f->b ? block_number(s, b) * s->block_bytes : 0;
	io->length = f->b ? s->block_bytes : 0;
	io->done = on_done;
	io->opaque = f;
	if (io->op == BLKFRONT_WRITE || io->op == BLKFRONT_BARRIER) {
		f->sequence = ++s->sequence;
		fill(s, io, block_number(s, b), f->sequence);
	} else if (io->op == BLKFRONT_READ) {
		memset(io->data, 0xa5, s->block_bytes);
	}
	if (!s->in_flight)
		s->last_ns = clock_ns(CLOCK_REALTIME);
	rc = blkfront_queue_submit(s->q, io);
	if (rc < 0) {
		wrong(s, "cannot be sent", block_number(s, b), io->op);
		free(f);
		return false;
	}
	if (f->b)
		b->busy = true;
	s->in_flight++;
	return true;
}

static void fill_queue(struct survivor *s)
{
	struct blkfront_io *io;

	while (!s->failed && (io = blkfront_queue_get(s->q))) {
		if (!start(s, io)) {
			blkfront_queue_put(s->q, io);
			return;
		}
	}
}

static void look_for_end(struct survivor *s)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (now - s->looked_ns < LOOK_NS)
		return;
	s->looked_ns = now;
	s->stopping = access(s->stop_file, F_OK) == 0;
	if (!s->stopping && now > s->end_ns)
		wrong(s, "nobody ended it", 0, 0);
}

static void *run(void *opaque)
{
	struct survivor *s = opaque;

	while (!s->failed && (!s->stopping || s->in_flight)) {
		look_for_end(s);
		if (!s->stopping)
			fill_queue(s);
		if (blkfront_queue_wait(s->q, 20000) < 0)
			wrong(s, "the device failed", 0, 0);
		else if (s->in_flight && clock_ns(CLOCK_REALTIME) - s->last_ns > 19 * UINT64_C(1000000000))
			wrong(s, "no answer for 19 s", 0, 0);
	}
	return NULL;
}

/* Every block is read at last. */
static void check_all(struct survivor *s)
{
	for (uint64_t i = 0; i < s->count && !s->failed; i++) {
		struct blkfront_io *io = blkfront_queue_get(s->q);
		struct flight *f = calloc(1, sizeof(*f));

		if (!io || !f) {
			wrong(s, "an I/O was never given back", i, 0);
			free(f);
			return;
		}
		*f = (struct flight){ .s = s, .b = &s->blocks[i] };
		io->op = BLKFRONT_READ;
		io->offset = (s->first + i) * s->block_bytes;
		io->length = s->block_bytes;
		io->done = on_done;
		io->opaque = f;
		s->last_ns = clock_ns(CLOCK_REALTIME);
		s->in_flight++;
		if (blkfront_queue_submit(s->q, io) < 0)
			wrong(s, "cannot be sent", s->first + i, 0);
		while (s->in_flight && !s->failed)
			if (blkfront_queue_wait(s->q, 20000) < 0)
				wrong(s, "the device failed", s->first + i, 0);
	}
}

struct options {
	const char *stop_file;
	unsigned seconds, depth, queues, segments, persistent, kib;
};

static bool parse(int argc, char **argv, struct options *o)
{
	struct {
		const char *name;
		unsigned *value;
	} names[] = { { "depth=", &o->depth }, { "queues=", &o->queues },
		{ "segments=", &o->segments }, { "persistent=", &o->persistent }, { "kib=", &o->kib } };

	*o = (struct options){ .depth = 32, .queues = 1, .persistent = 1, .kib = 4 };
	if (argc < 3)
		return false;
	o->seconds = strtoul(argv[1], NULL, 10);
	o->stop_file = argv[2];
	for (int i = 3; i < argc; i++) {
		unsigned j = 0;

		while (j < ARRAY_SIZE(names) && strncmp(argv[i], names[j].name, strlen(names[j].name)))
			j++;
		if (j == ARRAY_SIZE(names))
			return false;
		*names[j].value = strtoul(argv[i] + strlen(names[j].name), NULL, 10);
	}
	return o->seconds > 0 && o->kib > 0 && o->queues > 0;
}

static bool survive(struct blkfront *bf, const struct options *o)
{
	const struct blkfront_info *info = blkfront_get_info(bf);
	struct survivor *all = calloc(info->queues, sizeof(*all));
	bool failed = !all;
	uint64_t total[BLKFRONT_BARRIER + 1] = { 0 };

	for (unsigned i = 0; all && i < info->queues; i++) {
		struct survivor *s = &all[i];

		*s = (struct survivor){ .q = blkfront_queue(bf, i), .info = info, .seed = i + 1,
			.block_bytes = o->kib * 1024, .stop_file = o->stop_file,
			.end_ns = clock_ns(CLOCK_MONOTONIC) + o->seconds * UINT64_C(1000000000) };
		s->count = info->size / s->block_bytes / info->queues;
		s->first = s->count * i;
		s->blocks = calloc(s->count, sizeof(*s->blocks));
		if (!s->blocks || pthread_create(&s->thread, NULL, run, s) != 0) {
			printf("FAILED: no memory or thread\n");
			exit(1); /* a test's end */
		}
	}
	for (unsigned i = 0; all && i < info->queues; i++) {
		struct survivor *s = &all[i];

		pthread_join(s->thread, NULL);
		check_all(s);
		failed |= s->failed;
		for (unsigned op = 0; op < ARRAY_SIZE(total); op++)
			total[op] += s->done[op];
		free(s->blocks);
	}
	printf("%s: %" PRIu64 " reads, %" PRIu64 " writes, %" PRIu64 " flushes, %" PRIu64
		" discards, %" PRIu64 " barriers; %u queue(s), %s\n", failed ? "failed" : "survived",
		total[BLKFRONT_READ], total[BLKFRONT_WRITE], total[BLKFRONT_FLUSH],
		total[BLKFRONT_DISCARD], total[BLKFRONT_BARRIER], info->queues,
		info->persistent ? "persistent grants" : "grant copy");
	free(all);
	return !failed;
}

int main(int argc, char **argv)
{
	struct blkfront_config config = { 0 };
	struct options o;
	struct blkfront *bf;
	char why[256] = "";
	bool ok;

	if (!parse(argc, argv, &o)) {
		fprintf(stderr, "usage: blk-survivor SECONDS FILE [depth=N] [queues=N] [segments=N] [persistent=0|1] [kib=N]\n");
		return 2;
	}
	log_init("blk-survivor");
	config.depth = o.depth;
	config.queues = o.queues;
	config.max_segments = o.segments;
	config.no_persistent = !o.persistent;
	bf = blkfront_open(&config, why, sizeof(why));
	if (!bf) {
		printf("FAILED: %s\n", why);
		return 1;
	}
	printf("connected\n");
	fflush(stdout);
	ok = survive(bf, &o);
	if (!ok)
		printf("%s\n", blkfront_why(bf));
	blkfront_close(bf);
	return ok ? 0 : 1;
}

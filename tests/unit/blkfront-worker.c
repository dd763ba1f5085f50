// SPDX-License-Identifier: MIT
/* The block frontend for many threads; only its own thread meets the fakes. */
#include "config.h"
#include "tests/unit/blkfront-test.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "frontends/nbdkit/align.h"
#include "frontends/nbdkit/worker.h"

static struct worker *start_queues(unsigned segments, unsigned queues)
{
	struct blkfront_config config = { .max_segments = segments, .timeout_ms = 2000,
		.queues = queues, .poll_us = BLKFRONT_NO_POLL };
	struct worker *w;

	backend_frontend_wrote_state(1);
	w = worker_start(&config, test_why, sizeof(test_why));
	assert_non_null(w);
	return w;
}

static struct worker *start_with(unsigned segments)
{
	return start_queues(segments, 1);
}

static uint8_t pattern(uint64_t at)
{
	return at ^ at >> 9 ^ at >> 17;
}

static void test_split(void **state)
{
	struct worker *w = start_with(32);
	size_t len = BACKEND_DISK_BYTES;
	uint8_t *out = malloc(len), *in = malloc(len);

	for (size_t i = 0; i < len; i++)
		out[i] = pattern(i);
	assert_int_equal(worker_run(w, BLKFRONT_WRITE, 0, len, out), 0);
	assert_memory_equal(backend.disk, out, len);
	/* 4 MiB in requests of 128 KiB; and not a multiple of those */
	assert_int_equal(backend.served, 32);
	assert_int_equal(worker_run(w, BLKFRONT_READ, 512, len - 1024, in), 0);
	assert_memory_equal(in, out + 512, len - 1024);
	worker_stop(w);
	free(in);
	free(out);
}

static void test_no_data(void **state)
{
	struct worker *w = start_with(0);

	assert_int_equal(worker_run(w, BLKFRONT_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(backend.last_op, BLKIF_OP_FLUSH_DISKCACHE);
	assert_int_equal(worker_run(w, BLKFRONT_DISCARD, 0, BACKEND_DISK_BYTES, NULL), 0);
	assert_int_equal(backend.served, 2);
	worker_stop(w);
}

static void test_errors(void **state)
{
	struct worker *w = start_with(0);
	uint8_t buf[1024];

	assert_int_equal(worker_run(w, BLKFRONT_READ, 1, 512, buf), -EINVAL);
	assert_int_equal(worker_run(w, BLKFRONT_READ, BACKEND_DISK_BYTES - 512, 1024, buf), -EINVAL);
	assert_int_equal(worker_run(w, BLKFRONT_BARRIER, 0, 0, NULL), -EOPNOTSUPP);
	backend.status = BLKIF_RSP_ERROR;
	assert_int_equal(worker_run(w, BLKFRONT_READ, 0, 512, buf), -EIO);
	backend.status = 0;
	assert_int_equal(worker_run(w, BLKFRONT_READ, 0, 512, buf), 0);
	worker_stop(w);
}

/* The last pieces fail, the first were fine: the request failed, once. */
static void test_error_in_the_middle(void **state)
{
	struct worker *w = start_with(11);
	size_t len = 128 * 4096;
	uint8_t *buf = calloc(1, len);

	assert_int_equal(worker_run(w, BLKFRONT_WRITE, BACKEND_DISK_BYTES - len + 4096, len, buf),
		-EINVAL);
	assert_int_equal(worker_run(w, BLKFRONT_WRITE, 0, len, buf), 0);
	worker_stop(w);
	free(buf);
}

#define THREADS 16
#define ROUNDS 50
#define AREA (BACKEND_DISK_BYTES / THREADS)

struct area {
	struct worker *w;
	unsigned index;
	int error;
};

static void *use_area(void *opaque)
{
	struct area *a = opaque;
	uint64_t start = (uint64_t)a->index * AREA;
	uint8_t *buf = malloc(AREA), *back = malloc(AREA);

	for (unsigned round = 0; round < ROUNDS && !a->error; round++) {
		size_t len = 512 * (1 + (round * 37 + a->index * 11) % (AREA / 512));

		memset(buf, round + a->index, len);
		a->error = worker_run(a->w, BLKFRONT_WRITE, start, len, buf);
		if (!a->error)
			a->error = worker_run(a->w, BLKFRONT_READ, start, len, back);
		if (!a->error && memcmp(buf, back, len) != 0)
			a->error = -EILSEQ;
	}
	free(buf);
	free(back);
	return NULL;
}

static void run_threads(struct worker *w)
{
	pthread_t threads[THREADS];
	struct area areas[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		areas[i] = (struct area){ .w = w, .index = i };
		assert_int_equal(pthread_create(&threads[i], NULL, use_area, &areas[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(areas[i].error, 0);
	}
}

static void test_threads(void **state)
{
	struct worker *w = start_with(16);

	run_threads(w);
	worker_stop(w);
}

static void test_queues(void **state)
{
	struct worker *w = start_queues(16, 4);

	assert_int_equal(worker_info(w)->queues, 4);
	run_threads(w);
	for (unsigned i = 0; i < 4; i++)
		assert_true(backend.served_on[i] > 0);
	worker_stop(w);
}

/* All lanes fail, whichever of them found out. */
static void test_lost_on_all_queues(void **state)
{
	struct worker *w = start_queues(16, 4);
	pthread_t threads[THREADS];
	struct area areas[THREADS];

	fakes.notify_fails = true;
	for (unsigned i = 0; i < THREADS; i++) {
		areas[i] = (struct area){ .w = w, .index = i };
		assert_int_equal(pthread_create(&threads[i], NULL, use_area, &areas[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(areas[i].error, -ENOTCONN);
	}
	worker_stop(w);
}

/* ---- any alignment ---- */

#define MODEL_BYTES (64u << 10)

static void write_anywhere(struct worker *w)
{
	static uint8_t model[MODEL_BYTES], buf[MODEL_BYTES];
	struct align a;

	align_init(&a, w);
	memset(model, 0, sizeof(model));
	srand(7);
	for (unsigned i = 0; i < 500; i++) {
		uint64_t offset = rand() % MODEL_BYTES;
		uint32_t count = 1 + rand() % (i % 3 ? 1000 : MODEL_BYTES);

		if (count > MODEL_BYTES - offset)
			count = MODEL_BYTES - offset;
		memset(buf, i + 1, count);
		assert_int_equal(align_write(&a, buf, count, offset), 0);
		memcpy(model + offset, buf, count);
		assert_memory_equal(backend.disk, model, MODEL_BYTES);
		assert_int_equal(align_read(&a, buf, count, offset / 2), 0);
		assert_memory_equal(buf, model + offset / 2, count);
	}
	assert_int_equal(backend.disk[MODEL_BYTES], 0);
	assert_int_equal(align_write(&a, buf, 100, BACKEND_DISK_BYTES - 50), -EINVAL);
	assert_int_equal(align_read(&a, buf, 100, BACKEND_DISK_BYTES - 50), -EINVAL);
	align_dispose(&a);
	worker_stop(w);
}

static void test_unaligned(void **state)
{
	write_anywhere(start_with(11));
}

/* A 4Kn disk refuses less than its sectors; who uses it through NBD does not notice. */
static void test_unaligned_4kn(void **state)
{
	struct worker *w;

	backend_node("sector-size", "4096");
	w = start_with(11);
	assert_int_equal(worker_info(w)->sector_size, 4096);
	write_anywhere(w);
}

struct piece {
	struct align *a;
	unsigned index;
	int error;
};

/* Each thread has 100 bytes, so every sector belongs to many. */
static void *write_piece(void *opaque)
{
	struct piece *p = opaque;
	uint8_t buf[100];

	for (unsigned round = 0; round < 50 && !p->error; round++) {
		memset(buf, p->index * 50 + round, sizeof(buf));
		p->error = align_write(p->a, buf, sizeof(buf), p->index * 100);
	}
	return NULL;
}

static void test_unaligned_threads(void **state)
{
	struct worker *w = start_with(0);
	struct piece pieces[THREADS];
	pthread_t threads[THREADS];
	struct align a;

	align_init(&a, w);
	for (unsigned i = 0; i < THREADS; i++) {
		pieces[i] = (struct piece){ .a = &a, .index = i };
		assert_int_equal(pthread_create(&threads[i], NULL, write_piece, &pieces[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(pieces[i].error, 0);
	}
	for (unsigned i = 0; i < THREADS * 100; i++)
		assert_int_equal(backend.disk[i], (uint8_t)(i / 100 * 50 + 49));
	align_dispose(&a);
	worker_stop(w);
}

static void test_lost(void **state)
{
	struct worker *w = start_with(0);
	uint8_t buf[512];

	fakes.notify_fails = true; /* seen by the worker after its next lock */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(worker_run(w, BLKFRONT_READ, 0, 512, buf), -ENOTCONN);
	worker_stop(w);
}

static void test_not_started(void **state)
{
	struct blkfront_config config = { .timeout_ms = 20 };

	backend.deaf = true;
	assert_null(worker_start(&config, test_why, sizeof(test_why)));
	assert_int_equal(errno, ETIMEDOUT);
	assert_true(strlen(test_why) > 0);
	worker_stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_split),
		TEST(test_no_data),
		TEST(test_errors),
		TEST(test_error_in_the_middle),
		TEST(test_threads),
		TEST(test_queues),
		TEST(test_lost_on_all_queues),
		TEST(test_unaligned),
		TEST(test_unaligned_4kn),
		TEST(test_unaligned_threads),
		TEST(test_lost),
		TEST(test_not_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

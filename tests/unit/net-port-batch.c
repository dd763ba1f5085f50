// SPDX-License-Identifier: MIT
/* Frames written and read in batches, through a socket in a tap's place. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/net/port-batch.h"

#define FRAMES 150u
#define BEFORE 10u

static int pair[2];
static struct batch batch;
static uint8_t memory[FRAMES][100];
static struct frame frames[FRAMES], into[FRAMES];

static int setup(void **state)
{
	int bytes = 1 << 20;
	uint8_t probe[100];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) < 0)
		return -1;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	batch_open(&batch, pair[0]);
	/* What a tap refuses, a socket takes. */
	(void)!read(pair[1], probe, sizeof(probe));
	for (unsigned i = 0; i < FRAMES; i++) {
		memset(memory[i], (int)i, sizeof(memory[i]));
		frames[i] = (struct frame){ .data = memory[i] + 20, .len = 14 + i % 50 };
	}
	return 0;
}

static int teardown(void **state)
{
	batch_close(&batch);
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static void arrives_in_order(unsigned n)
{
	uint8_t got[200];
	int error = -1;

	assert_int_equal(batch_write(&batch, frames, n, BEFORE, &error), n);
	assert_int_equal(error, 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(read(pair[1], got, sizeof(got)), frames[i].len + BEFORE);
		assert_memory_equal(got, frames[i].data - BEFORE, frames[i].len + BEFORE);
	}
	assert_int_equal(read(pair[1], got, sizeof(got)), -1);
}

static void test_all_arrive_in_order(void **state)
{
	static const unsigned numbers[] = { 0, 1, 2, 3, 4, 63, 64, 65, 67, 128, FRAMES };

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		arrives_in_order(numbers[i]);
}

static void test_without_a_ring(void **state)
{
	batch_close(&batch);
	test_all_arrive_in_order(state);
}

static void test_full(void **state)
{
	unsigned taken = 0, now;
	int error;

	batch_close(&batch);
	do {
		now = batch_write(&batch, frames, FRAMES, BEFORE, &error);
		taken += now;
		assert_true(taken < 1000000);
	} while (now == FRAMES);
	/* Not an error: the queue is full. */
	assert_int_equal(error, 0);
}

static void test_errors_are_told(void **state)
{
	int error = 0;

	close(pair[1]);
	assert_int_equal(batch_write(&batch, frames, FRAMES, BEFORE, &error), FRAMES);
	assert_int_equal(error, EPIPE);
	error = 0;
	assert_int_equal(batch_write(&batch, frames, 1, BEFORE, &error), 1);
	assert_int_equal(error, EPIPE);
}

/* The peer sends @sent frames; @n are asked for. */
static void reads(unsigned sent, unsigned n)
{
	int result[BATCH_FRAMES];
	unsigned read;

	for (unsigned i = 0; i < sent; i++)
		assert_int_equal(write(pair[1], frames[i].data - BEFORE, frames[i].len + BEFORE), frames[i].len + BEFORE);
	read = batch_read(&batch, into, n, BEFORE, result);
	assert_int_equal(read, n < BATCH_FRAMES ? n : BATCH_FRAMES);
	for (unsigned i = 0; i < read; i++) {
		if (i >= sent) {
			assert_int_equal(result[i], -EAGAIN);
			continue;
		}
		assert_int_equal(result[i], frames[i].len + BEFORE);
		assert_memory_equal(into[i].data - BEFORE, frames[i].data - BEFORE, frames[i].len + BEFORE);
	}
}

static void test_reads_what_is_there(void **state)
{
	uint8_t memory_of[FRAMES][200];

	if (!batch.reads)
		skip();
	for (unsigned i = 0; i < FRAMES; i++)
		into[i] = (struct frame){ .data = memory_of[i] + BEFORE, .room = sizeof(memory_of[i]) - BEFORE };
	reads(0, 4);
	reads(1, 4);
	reads(4, 4);
	reads(3, 32);
	reads(64, 64);
	/* What was asked for in vain is not waited for. */
	reads(2, FRAMES);
}

static void test_reading_without_a_ring(void **state)
{
	int result[1];

	batch_close(&batch);
	assert_int_equal(batch_read(&batch, frames, 1, BEFORE, result), 0);
}

static int result_of(struct io_uring_sqe *sqe)
{
	struct io_uring_cqe *cqe;
	int res;

	assert_int_equal(io_uring_submit(&batch.ring), 1);
	assert_int_equal(io_uring_wait_cqe(&batch.ring, &cqe), 0);
	res = cqe->res;
	io_uring_cqe_seen(&batch.ring, cqe);
	return res;
}

/* A process that was taken over can do nothing with it that it could not do without. */
static void test_ring_is_restricted(void **state)
{
	struct io_uring_sqe *sqe;
	char byte;

	if (!batch.ringed)
		skip();
	sqe = io_uring_get_sqe(&batch.ring);
	io_uring_prep_recv(sqe, pair[0], &byte, 1, 0);
	assert_int_equal(result_of(sqe), -EACCES);
	sqe = io_uring_get_sqe(&batch.ring);
	io_uring_prep_openat(sqe, -1, "/", 0, 0);
	assert_int_equal(result_of(sqe), -EACCES);
	sqe = io_uring_get_sqe(&batch.ring);
	io_uring_prep_write(sqe, pair[0], &byte, 1, 0);
	sqe->flags |= IOSQE_ASYNC;
	assert_int_equal(result_of(sqe), -EACCES);
	assert_true(io_uring_register_files(&batch.ring, pair, 1) < 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_arrive_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_a_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reads_what_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reading_without_a_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring_is_restricted, setup, teardown),
	};

	/* Errors of writing come as numbers, there as here. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

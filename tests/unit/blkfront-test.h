/* SPDX-License-Identifier: MIT */
/* What the block frontend's test programs share. */
#ifndef SLUICE_TESTS_UNIT_BLKFRONT_TEST_H
#define SLUICE_TESTS_UNIT_BLKFRONT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "frontends/blkfront.h"
#include "tests/unit/blkfront-fakes.h"

static char test_why[256];

/** test_setup() - a disk that waits in InitWait. */
static int test_setup(void **state)
{
	fakes_reset();
	backend_reset();
	test_why[0] = '\0';
	fake_set(FAKE_FRONT "/backend", FAKE_BACK);
	fake_set(FAKE_FRONT "/backend-id", "3");
	fake_set(FAKE_FRONT "/state", "1");
	return 0;
}

/** test_teardown() - whatever the test did, nothing stays granted or open. */
static int test_teardown(void **state)
{
	return fakes.shared != 0 || fakes.open_handles != 0;
}

static inline struct blkfront *test_open_with(struct blkfront_config config)
{
	struct blkfront *bf;

	if (!config.timeout_ms)
		config.timeout_ms = 2000;
	config.poll_us = BLKFRONT_NO_POLL;
	if (!fake_get(FAKE_BACK "/state"))
		backend_frontend_wrote_state(1);
	bf = blkfront_open(&config, test_why, sizeof(test_why));
	if (!bf)
		print_message("# open: %s\n", test_why);
	return bf;
}

static inline struct blkfront *test_open(void)
{
	return test_open_with((struct blkfront_config){ .vdev = 0 });
}

/** test_io() - one I/O, submitted and kicked; the caller waits. */
static inline struct blkfront_io *test_start(struct blkfront *bf, enum blkfront_op op,
	uint64_t offset, uint64_t length)
{
	struct blkfront_io *io = blkfront_get(bf);

	assert_non_null(io);
	io->op = op;
	io->offset = offset;
	io->length = length;
	io->error = 1;
	io->done = NULL;
	assert_int_equal(blkfront_submit(bf, io), 0);
	assert_int_equal(blkfront_kick(bf), 0);
	return io;
}

/** test_run() - one I/O from start to end. Return: its error. */
static inline int test_run(struct blkfront *bf, enum blkfront_op op, uint64_t offset,
	uint64_t length)
{
	struct blkfront_io *io = test_start(bf, op, offset, length);
	int error;

	assert_int_equal(blkfront_wait(bf, 2000), 1);
	error = io->error;
	blkfront_put(bf, io);
	return error;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, test_setup, test_teardown)

#endif

// SPDX-License-Identifier: MIT
/* A backend that breaks the ring's rules: each ends the device with -EIO, and nothing else. */
#include "config.h"
#include "tests/unit/blkfront-test.h"

#include <errno.h>
#include <string.h>

static struct blkfront *bf;
static struct blkfront_io *first, *second;
static struct blkif_req req;

/* Two requests in flight, the first one taken by the backend. */
static void start(void)
{
	bf = test_open();
	backend.serve = false;
	first = test_start(bf, BLKFRONT_READ, 0, 4096);
	second = test_start(bf, BLKFRONT_WRITE, 4096, 4096);
	assert_true(backend_take(&req));
	assert_true(backend_take(&backend.req));
}

static void assert_broken(const char *word, int first_error)
{
	assert_int_equal(blkfront_wait(bf, -1), -EIO);
	assert_non_null(strstr(blkfront_why(bf), word));
	assert_int_equal(blkfront_wait(bf, -1), -EIO);
	assert_int_equal(blkfront_poll(bf), -EIO);
	assert_int_equal(first->error, first_error);
	assert_int_equal(second->error, -EIO);
	assert_int_equal(blkfront_submit(bf, second), -EIO);
	blkfront_put(bf, first);
	blkfront_put(bf, second);
	blkfront_close(bf);
}

static void test_unknown_id(void **state)
{
	start();
	backend_answer(31, BLKIF_OP_READ, BLKIF_RSP_OKAY);
	assert_broken("not in flight", -EIO);
}

static void test_id_beyond_slots(void **state)
{
	start();
	backend_answer(0xffff, BLKIF_OP_READ, BLKIF_RSP_OKAY);
	assert_broken("unknown request", -EIO);
}

static void test_id_high_bits(void **state)
{
	start();
	backend_answer(req.id | UINT64_C(1) << 63, BLKIF_OP_READ, BLKIF_RSP_OKAY);
	assert_broken("not in flight", -EIO);
}

static void test_duplicate_id(void **state)
{
	start();
	backend_answer(req.id, BLKIF_OP_READ, BLKIF_RSP_OKAY);
	backend_answer(req.id, BLKIF_OP_READ, BLKIF_RSP_OKAY);
	assert_broken("not in flight", 0); /* the first answer was one */
}

/* The slot is in flight again, but for another request: an old answer is none. */
static void test_late_duplicate(void **state)
{
	start();
	backend_answer(req.id, BLKIF_OP_READ, BLKIF_RSP_OKAY);
	assert_int_equal(blkfront_wait(bf, -1), 1);
	assert_int_equal(blkfront_submit(bf, first), 0);
	assert_int_equal(blkfront_kick(bf), 0);
	backend_answer(req.id, BLKIF_OP_READ, BLKIF_RSP_OKAY);
	assert_broken("not in flight", -EIO);
}

static void test_wrong_operation(void **state)
{
	start();
	backend_answer(req.id, BLKIF_OP_WRITE, BLKIF_RSP_OKAY);
	assert_broken("operation", -EIO);
}

/* An indirect request is answered with its inner operation. */
static void test_wrong_operation_indirect(void **state)
{
	start();
	backend_answer(req.id, BLKIF_OP_INDIRECT, BLKIF_RSP_OKAY);
	assert_broken("operation", -EIO);
}

static void test_unknown_status(void **state)
{
	start();
	backend_answer(req.id, BLKIF_OP_READ, 7);
	assert_broken("status", -EIO);
}

static void test_rsp_prod_overflow(void **state)
{
	start();
	backend_set_rsp_prod(3);
	assert_broken("more requests", -EIO);
}

static void test_rsp_prod_huge(void **state)
{
	start();
	backend_set_rsp_prod(0x80000000u);
	assert_broken("more requests", -EIO);
}

static void test_rsp_prod_backwards(void **state)
{
	start();
	backend_answer(req.id, BLKIF_OP_READ, BLKIF_RSP_OKAY);
	assert_int_equal(blkfront_wait(bf, -1), 1);
	backend_set_rsp_prod(0);
	assert_broken("more requests", 0);
}

/* Answers to requests that were written but not published are answers to nothing. */
static void test_rsp_before_publish(void **state)
{
	struct blkfront_io *io;

	start();
	io = blkfront_get(bf);
	io->op = BLKFRONT_READ;
	io->offset = 0;
	io->length = 512;
	assert_int_equal(blkfront_submit(bf, io), 0);
	backend_set_rsp_prod(3);
	assert_int_equal(blkfront_poll(bf), -EIO);
	assert_int_equal(io->error, -EIO);
	assert_broken("more requests", -EIO);
}

static unsigned done_calls;

static void resubmit(struct blkfront_io *io)
{
	done_calls++;
	assert_int_equal(io->error, -EIO);
	assert_int_equal(blkfront_submit(bf, io), -EIO);
}

/* A callback that always submits again must not keep a broken device busy. */
static void test_broken_callbacks(void **state)
{
	done_calls = 0;
	start();
	first->done = resubmit;
	second->done = resubmit;
	backend_set_rsp_prod(1000);
	assert_broken("more requests", -EIO);
	assert_int_equal(done_calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unknown_id),
		TEST(test_id_beyond_slots),
		TEST(test_id_high_bits),
		TEST(test_duplicate_id),
		TEST(test_late_duplicate),
		TEST(test_wrong_operation),
		TEST(test_wrong_operation_indirect),
		TEST(test_unknown_status),
		TEST(test_rsp_prod_overflow),
		TEST(test_rsp_prod_huge),
		TEST(test_rsp_prod_backwards),
		TEST(test_rsp_before_publish),
		TEST(test_broken_callbacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

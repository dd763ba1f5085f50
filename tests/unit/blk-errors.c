// SPDX-License-Identifier: MIT
/*
 * Errors of the storage, from the driver to the response: each is reported on its
 * request, once, and counted, and nothing else is disturbed.
 */
#include "config.h"
#include "tests/unit/blk-rig.h"

#include <errno.h>
#include <string.h>

#include "common/array.h"
#include "tests/peers/drv-fail.h"

static struct fail_disk disk;
static struct rig rig;

static const struct blk_info info = {
	.size = RIG_SECTORS * 512, .block_size = 512, .max_iov = 64,
	.flags = BLK_INFO_FLUSH | BLK_INFO_MULTI_QUEUE,
};

static int setup(void **state)
{
	fake_reset();
	fail_disk_init(&disk, &info);
	return 0;
}

static int teardown(void **state)
{
	fail_disk_fini(&disk);
	return 0;
}

static void start(bool later)
{
	disk.later = later;
	rig_start(&rig, &(struct rig_options){ .driver = &fail_driver, .driver_state = &disk,
			       .info = &info, .persistent = true });
}

/* Whatever went wrong: as many completions as submissions, and the ring is sound. */
static void stop(void)
{
	assert_null(rig_stop(&rig));
	assert_int_equal(disk.submitted, disk.completed);
	assert_int_equal(disk.broken_promises, 0);
}

static void rule(enum blk_op op, uint64_t sector, uint64_t sectors, unsigned skip, unsigned times,
	ssize_t result)
{
	disk.rule[disk.rules++] = (struct fail_rule){ op, sector * 512, (sector + sectors) * 512,
		skip, times, result };
}

static int do_one(uint8_t op, uint64_t sector)
{
	struct blkif_req req = rig_request(&rig, op, sector, op == BLKIF_OP_FLUSH_DISKCACHE ? 0 : 1);

	return rig_do(&rig, &req);
}

/* --- one kind of error each ------------------------------------------------------------------ */

static void check_error(uint8_t op, enum blk_op blk, int error)
{
	fake_reset();
	disk.rules = 0;
	rule(blk, 800, 8, 0, 1, error);
	start(false);
	assert_int_equal(do_one(op, 792), BLKIF_RSP_OKAY);
	assert_int_equal(do_one(op, 800), BLKIF_RSP_ERROR);
	/* The same request again: nothing of the error is left. */
	assert_int_equal(do_one(op, 800), BLKIF_RSP_OKAY);
	assert_int_equal(do_one(BLKIF_OP_FLUSH_DISKCACHE, 0), BLKIF_RSP_OKAY);
	assert_int_equal(rig_metric(&rig, QUEUE_ERRORS), 1);
	assert_int_equal(rig_metric(&rig, QUEUE_REFUSED), 0);
	stop();
}

static void an_error_is_reported_on_its_request_once_and_counted(void **state)
{
	static const int errors[] = { -EIO, -ENOSPC, -ETIMEDOUT, -EREMOTEIO, -EDQUOT, -ENODEV,
		-EOPNOTSUPP, -ENOMEM };

	for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
		check_error(BLKIF_OP_READ, BLK_READ, errors[i]);
		check_error(BLKIF_OP_WRITE, BLK_WRITE, errors[i]);
	}
}

/* --- short and interrupted --------------------------------------------------------------------- */

static void short_reads_and_writes_are_continued(void **state)
{
	/* Bytes at a time, not multiples of anything. */
	static const ssize_t most[] = { 1, 100, 511, 512, 513, 4095, 4096, 4097, 9000 };

	for (unsigned k = 0; k < ARRAY_SIZE(most); k++) {
		struct blkif_req req;

		fake_reset();
		disk.rules = 0;
		rule(BLK_READ, 0, RIG_SECTORS, 0, 0, most[k]);
		rule(BLK_WRITE, 0, RIG_SECTORS, 0, 0, most[k]);
		start(k % 2);
		req = rig_request(&rig, BLKIF_OP_WRITE, 16, 5);
		for (unsigned i = 0; i < 5; i++) {
			req.seg[i].first_sect = i;
			for (unsigned b = 0; b < 4096; b++)
				rig.data[i][b] = b * 7 + i + k;
		}
		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
		for (unsigned i = 0; i < 5; i++)
			memset(rig.data[i], 0, 4096);
		req.operation = BLKIF_OP_READ;
		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
		for (unsigned i = 0; i < 5; i++)
			for (unsigned b = i * 512; b < 4096; b++)
				assert_int_equal(rig.data[i][b], (uint8_t)(b * 7 + i + k));
		assert_int_equal(rig_metric(&rig, QUEUE_ERRORS), 0);
		stop();
	}
}

/* Short, then an error: what was done before does not make it a success. */
static void an_error_after_a_short_write_is_an_error(void **state)
{
	rule(BLK_WRITE, 0, 8, 0, 1, 1024);
	rule(BLK_WRITE, 0, 8, 0, 1, -ENOSPC);
	start(false);
	assert_int_equal(do_one(BLKIF_OP_WRITE, 0), BLKIF_RSP_ERROR);
	assert_int_equal(disk.calls, 2);
	stop();
}

static void the_end_of_the_file_is_an_error(void **state)
{
	rule(BLK_READ, 0, 8, 0, 0, 0);
	rule(BLK_WRITE, 0, 8, 0, 0, 0);
	start(true);
	assert_int_equal(do_one(BLKIF_OP_READ, 0), BLKIF_RSP_ERROR);
	assert_int_equal(do_one(BLKIF_OP_WRITE, 0), BLKIF_RSP_ERROR);
	stop();
}

static void interruptions_are_tried_again_but_not_for_ever(void **state)
{
	rule(BLK_READ, 0, 8, 0, 20, -EINTR);
	rule(BLK_WRITE, 0, 8, 0, 20, -EAGAIN);
	rule(BLK_WRITE, 8, 8, 0, 0, -EAGAIN);
	start(false);
	assert_int_equal(do_one(BLKIF_OP_READ, 0), BLKIF_RSP_OKAY);
	assert_int_equal(do_one(BLKIF_OP_WRITE, 0), BLKIF_RSP_OKAY);
	assert_int_equal(do_one(BLKIF_OP_WRITE, 8), BLKIF_RSP_ERROR);
	assert_int_equal(rig_metric(&rig, QUEUE_ERRORS), 1);
	stop();
}

/* --- flushes ----------------------------------------------------------------------------------------- */

static void a_failed_flush_is_remembered_and_the_rest_goes_on(void **state)
{
	unsigned flushes = 0;

	rule(BLK_FLUSH, 0, 0, 1, 1, -EIO); /* the second, once */
	start(true);
	assert_int_equal(do_one(BLKIF_OP_FLUSH_DISKCACHE, 0), BLKIF_RSP_OKAY);
	assert_int_equal(do_one(BLKIF_OP_FLUSH_DISKCACHE, 0), BLKIF_RSP_ERROR);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(do_one(BLKIF_OP_FLUSH_DISKCACHE, 0), BLKIF_RSP_ERROR);
		assert_int_equal(do_one(BLKIF_OP_WRITE, i * 8), BLKIF_RSP_OKAY);
		assert_int_equal(do_one(BLKIF_OP_READ, i * 8), BLKIF_RSP_OKAY);
	}
	stop();
	for (unsigned i = 0; i < disk.logged; i++)
		flushes += disk.log[i].op == BLK_FLUSH;
	/* The storage, which would say yes now, is not asked. */
	assert_int_equal(flushes, 2);
}

/* --- a full ring ------------------------------------------------------------------------------------- */

/* Every third sector range fails, in a ring full of requests, round after round. */
static void check_full_ring(bool later)
{
	struct blkif_req req[32];
	unsigned failed = 0;

	for (unsigned i = 0; i < 6; i++)
		rule(i % 2 ? BLK_READ : BLK_WRITE, (i / 2 * 9 + 3) * 8, 8, 0, 0,
			i / 2 == 0 ? -EIO : i / 2 == 1 ? -ENOSPC : -ETIMEDOUT);
	rule(BLK_READ, 0, RIG_SECTORS, 5, 0, 1000); /* and the others are short */
	start(later);
	for (unsigned round = 0; round < 10; round++) {
		bool seen[32] = { false };

		for (unsigned i = 0; i < 32; i++) {
			req[i] = rig_request(&rig, (round + i) % 2 ? BLKIF_OP_READ : BLKIF_OP_WRITE,
				i * 8, 1);
			req[i].seg[0].gref = RIG_DATA_GREF + i;
			rig_put(&rig, &req[i]);
		}
		rig_push(&rig);
		for (unsigned n = 0; n < 32; n++) {
			struct blkif_rsp rsp = rig_get(&rig);
			unsigned i = rsp.id - req[0].id;
			bool bad = i == 3 || i == 12 || i == 21;

			assert_in_range(i, 0, 31);
			assert_false(seen[i]);
			seen[i] = true;
			assert_int_equal(rsp.operation, req[i].operation);
			assert_int_equal(rsp.status, bad ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY);
			failed += bad;
		}
	}
	assert_int_equal(rig_metric(&rig, QUEUE_ERRORS), failed);
	assert_int_equal(failed, 30);
	stop();
	assert_int_equal(disk.completed, 320);
}

static void errors_in_a_full_ring_disturb_nobody(void **state)
{
	check_full_ring(false);
}

static void errors_that_come_later_disturb_nobody(void **state)
{
	check_full_ring(true);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_error_is_reported_on_its_request_once_and_counted),
		T(short_reads_and_writes_are_continued),
		T(an_error_after_a_short_write_is_an_error),
		T(the_end_of_the_file_is_an_error),
		T(interruptions_are_tried_again_but_not_for_ever),
		T(a_failed_flush_is_remembered_and_the_rest_goes_on),
		T(errors_in_a_full_ring_disturb_nobody),
		T(errors_that_come_later_disturb_nobody),
	};

	return cmocka_run_group_tests_name("blk-errors", tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* Discard, 4096-byte sectors, a disk that changes its size, limits: as a queue serves them. */
#include "config.h"
#include "tests/unit/blk-recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct recorder rec;
static struct rig rig;

static const struct blk_info info = {
	.size = RIG_SECTORS * 512,
	.block_size = 512,
	.physical_size = 512,
	.max_iov = 1024,
	.flags = BLK_INFO_FLUSH | BLK_INFO_DISCARD | BLK_INFO_SECURE_DISCARD | BLK_INFO_MULTI_QUEUE,
};

static void start(struct rig_options o)
{
	o.driver = &recorder_driver;
	o.driver_state = &rec;
	o.info = &info;
	rig_start(&rig, &o);
}

static void stop_clean(void)
{
	assert_null(rig_stop(&rig));
}

static int setup(void **state)
{
	fake_reset();
	recorder_init(&rec);
	return 0;
}

static int teardown(void **state)
{
	recorder_fini(&rec);
	return 0;
}

static int request(uint8_t op, uint64_t sector, unsigned segments)
{
	struct blkif_req req = rig_request(&rig, op, sector, segments);

	return rig_do(&rig, &req);
}

/* --- discard --- */

static int discard(uint64_t sector, uint64_t sectors, uint8_t flag)
{
	struct blkif_req req = rig_request(&rig, BLKIF_OP_DISCARD, sector, 0);

	req.nr_sectors = sectors;
	req.flag = flag;
	return rig_do(&rig, &req);
}

static void discard_reaches_storage(void **state)
{
	start((struct rig_options){ .discard = true });
	assert_int_equal(discard(100, 3000, 0), BLKIF_RSP_OKAY);
	assert_int_equal(rig_metric(&rig, QUEUE_DISCARDS), 1);
	stop_clean();
	assert_int_equal(rec.event[0].op, BLK_DISCARD);
	assert_int_equal(rec.event[0].sector, 100);
	assert_int_equal(rec.event[0].bytes, 3000 * 512);
	assert_int_equal(rec.event[0].flags, 0);
}

static void discard_in_the_x86_32_layout(void **state)
{
	start((struct rig_options){ .discard = true, .abi = BLKIF_ABI_X86_32 });
	assert_int_equal(discard(8, 16, 0), BLKIF_RSP_OKAY);
	stop_clean();
	assert_int_equal(rec.event[0].bytes, 16 * 512);
}

static void secure_discard_reaches_storage_as_secure(void **state)
{
	start((struct rig_options){ .discard = true, .secure_discard = true });
	assert_int_equal(discard(0, 8, BLKIF_DISCARD_SECURE), BLKIF_RSP_OKAY);
	assert_int_equal(discard(0, 8, 0), BLKIF_RSP_OKAY);
	stop_clean();
	assert_int_equal(rec.event[0].flags, BLK_REQ_SECURE);
	assert_int_equal(rec.event[2].flags, 0); /* nothing is left of the one before */
}

static void rule11_secure_discard_where_it_was_not_offered(void **state)
{
	start((struct rig_options){ .discard = true });
	assert_int_equal(discard(0, 8, BLKIF_DISCARD_SECURE), BLKIF_RSP_ERROR);
	assert_int_equal(discard(0, 8, 0xfe), BLKIF_RSP_ERROR);
	stop_clean();
	assert_int_equal(rec.submitted, 0);
}

static void rule11_discard_beyond_the_end_or_wrapping(void **state)
{
	start((struct rig_options){ .discard = true });
	assert_int_equal(discard(RIG_SECTORS, 1, 0), BLKIF_RSP_ERROR);
	assert_int_equal(discard(RIG_SECTORS - 1, 2, 0), BLKIF_RSP_ERROR);
	assert_int_equal(discard(8, UINT64_MAX, 0), BLKIF_RSP_ERROR);
	assert_int_equal(discard(8, UINT64_MAX - 7, 0), BLKIF_RSP_ERROR);
	assert_int_equal(discard(UINT64_MAX, 1, 0), BLKIF_RSP_ERROR);
	stop_clean();
	assert_int_equal(rec.submitted, 0);
}

static void discard_of_nothing_is_done(void **state)
{
	start((struct rig_options){ .discard = true });
	assert_int_equal(discard(5, 0, 0), BLKIF_RSP_OKAY);
	stop_clean();
	assert_int_equal(rec.submitted, 0);
}

static void rule09_cve_2013_2140_read_only_refuses_discard(void **state)
{
	start((struct rig_options){ .discard = true, .readonly = true });
	assert_int_equal(discard(0, 8, 0), BLKIF_RSP_ERROR);
	stop_clean();
	assert_int_equal(rec.submitted, 0);
}

/* blkfront stops trying after EOPNOTSUPP, and only then. */
static void discard_that_storage_cannot_do_after_all(void **state)
{
	start((struct rig_options){ .discard = true });
	recorder_fail(&rec, BLK_DISCARD, -EOPNOTSUPP);
	assert_int_equal(discard(0, 8, 0), BLKIF_RSP_EOPNOTSUPP);
	recorder_fail(&rec, BLK_DISCARD, -EIO);
	assert_int_equal(discard(0, 8, 0), BLKIF_RSP_ERROR);
	stop_clean();
}

static void a_write_failing_with_eopnotsupp_is_an_error(void **state)
{
	start((struct rig_options){ 0 });
	recorder_fail(&rec, BLK_WRITE, -EOPNOTSUPP);
	assert_int_equal(request(BLKIF_OP_WRITE, 0, 1), BLKIF_RSP_ERROR);
	assert_int_equal(rig_metric(&rig, QUEUE_ERRORS), 1);
	stop_clean();
}

/* --- 4096-byte sectors: sectors stay units of 512, everything is a multiple of 8 --- */

static void rule08_4kn_wants_whole_blocks(void **state)
{
	struct blkif_req req;

	start((struct rig_options){ .logical_sectors = 8, .discard = true });
	assert_int_equal(request(BLKIF_OP_READ, 16, 2), BLKIF_RSP_OKAY);
	assert_int_equal(request(BLKIF_OP_READ, 12, 1), BLKIF_RSP_ERROR);
	req = rig_request(&rig, BLKIF_OP_WRITE, 16, 1);
	req.seg[0].last_sect = 3;
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_ERROR);
	assert_int_equal(discard(8, 4, 0), BLKIF_RSP_ERROR);
	assert_int_equal(discard(4, 8, 0), BLKIF_RSP_ERROR);
	assert_int_equal(discard(8, 8, 0), BLKIF_RSP_OKAY);
	stop_clean();
	assert_int_equal(rec.event[0].sector, 16);
	assert_int_equal(rec.submitted, 2);
}

/* --- size --- */

static void requests_beyond_a_shrunken_end_are_errors(void **state)
{
	start((struct rig_options){ .discard = true });
	assert_int_equal(request(BLKIF_OP_WRITE, 2048, 1), BLKIF_RSP_OKAY);
	mem_set(&rig.shared.sectors, 2048);
	assert_int_equal(request(BLKIF_OP_WRITE, 2048, 1), BLKIF_RSP_ERROR);
	assert_int_equal(request(BLKIF_OP_READ, 2041, 1), BLKIF_RSP_ERROR);
	assert_int_equal(discard(2040, 9, 0), BLKIF_RSP_ERROR);
	assert_int_equal(request(BLKIF_OP_READ, 2040, 1), BLKIF_RSP_OKAY);
	mem_set(&rig.shared.sectors, 4096);
	assert_int_equal(request(BLKIF_OP_WRITE, 2048, 1), BLKIF_RSP_OKAY);
	stop_clean();
	assert_int_equal(rec.submitted, 3);
}

/* --- limits --- */

static void limit(enum limit_kind kind, uint64_t rate, uint64_t burst)
{
	struct limit_rate r[LIMIT_KINDS] = { { 0, 0 } };

	r[kind] = (struct limit_rate){ rate, burst };
	assert_true(limit_set(&rig.shared.limit, r));
	queue_poke(rig.queue);
}

static void put(uint8_t op, unsigned n)
{
	while (n--) {
		struct blkif_req req = rig_request(&rig, op, 8 * n, 1);

		rig_put(&rig, &req);
	}
	rig_push(&rig);
}

static void answered(unsigned n)
{
	while (n--)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
}

/* The time is the queue's own here: what is certain is that it took at least so long. */
static void a_limit_spreads_requests_over_time(void **state)
{
	struct timespec a, b;
	int64_t ms;

	start((struct rig_options){ 0 });
	limit(LIMIT_IOPS, 100, 1);
	clock_gettime(CLOCK_MONOTONIC, &a);
	put(BLKIF_OP_READ, 16);
	answered(16);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	assert_true(ms >= 149);
	stop_clean();
}

static void a_throttled_queue_sleeps(void **state)
{
	clock_t before;

	start((struct rig_options){ .poll_us = 50 });
	limit(LIMIT_IOPS, 1, 1);
	put(BLKIF_OP_READ, 4);
	answered(1);
	before = clock(); /* CPU time of the process */
	usleep(400000);
	assert_true(clock() - before < CLOCKS_PER_SEC / 10);
	assert_int_equal(recorder_submitted(&rec), 1);
	limit(LIMIT_IOPS, 0, 0);
	answered(3);
	stop_clean();
}

static void a_limit_that_is_raised_counts_for_those_that_wait(void **state)
{
	start((struct rig_options){ 0 });
	limit(LIMIT_BPS, 1, 1);
	put(BLKIF_OP_WRITE, 3); /* the first leaves an hour's debt */
	answered(1);
	usleep(20000);
	assert_int_equal(recorder_submitted(&rec), 1);
	limit(LIMIT_BPS, 1 << 30, 1 << 20);
	answered(2);
	stop_clean();
}

static void limits_of_writes_leave_reads_and_flushes_alone(void **state)
{
	start((struct rig_options){ 0 });
	limit(LIMIT_WRITE_IOPS, 1, 1);
	put(BLKIF_OP_WRITE, 2);
	answered(1);
	put(BLKIF_OP_READ, 8);
	answered(8);
	assert_int_equal(request(BLKIF_OP_FLUSH_DISKCACHE, 0, 0), BLKIF_RSP_OKAY);
	limit(LIMIT_WRITE_IOPS, 0, 0);
	answered(1);
	stop_clean();
}

static void stopping_does_not_wait_for_limits(void **state)
{
	start((struct rig_options){ 0 });
	limit(LIMIT_BPS, 1, 1);
	put(BLKIF_OP_WRITE, 16);
	answered(1);
	queue_stop(rig.queue);
	answered(15);
	stop_clean();
}

/* A barrier waits for a throttled write before it, and is throttled itself. */
static void a_barrier_behind_a_throttled_write(void **state)
{
	start((struct rig_options){ .barrier = true });
	limit(LIMIT_WRITE_BPS, 1, 1);
	put(BLKIF_OP_WRITE, 2);
	answered(1);
	put(BLKIF_OP_WRITE_BARRIER, 1);
	put(BLKIF_OP_WRITE, 1);
	usleep(20000);
	assert_int_equal(recorder_submitted(&rec), 1);
	limit(LIMIT_WRITE_BPS, 0, 0);
	answered(3);
	stop_clean();
	assert_int_equal(rec.event[2].op, BLK_WRITE);
	assert_true(rec.event[3].done);
	assert_int_equal(rec.event[4].op, BLK_FLUSH);
}

/* --- frontends with ways of their own --- */

/* Every request has id 0 and the same page, which is granted for good. */
static void grub_uses_one_page_and_one_id_for_all(void **state)
{
	struct blkif_req req;

	start((struct rig_options){ 0 });
	for (int i = 0; i < 40; i++) {
		req = rig_request(&rig, BLKIF_OP_READ, 8 * i, 1);
		req.id = 0;
		fake_notify(); /* always, wanted or not */
		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	}
	assert_true(fake_end_access(RIG_DATA_GREF));
	stop_clean();
}

static void windows_flushes_and_barriers_name_any_sector(void **state)
{
	start((struct rig_options){ .barrier = true });
	assert_int_equal(request(BLKIF_OP_FLUSH_DISKCACHE, 0xfffff80012345678, 0), BLKIF_RSP_OKAY);
	assert_int_equal(request(BLKIF_OP_WRITE_BARRIER, 0xfffff80012345678, 0), BLKIF_RSP_OKAY);
	stop_clean();
	assert_int_equal(rec.submitted, 2);
	assert_int_equal(rec.event[2].op, BLK_FLUSH);
}

static void windows_ids_are_pointers(void **state)
{
	struct blkif_req req;

	start((struct rig_options){ 0 });
	req = rig_request(&rig, BLKIF_OP_READ, 0, 1);
	req.id = 0xfffffa8012345678;
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY); /* rig_do() checks that it comes back */
	stop_clean();
}

/* A guest with 64 KiB pages and no indirect requests: one I/O of its as two, in any order. */
static void halves_of_one_operation_may_come_with_the_same_id(void **state)
{
	struct blkif_req a, b;

	start((struct rig_options){ .no_indirect = true });
	a = rig_request(&rig, BLKIF_OP_WRITE, 0, 11);
	b = rig_request(&rig, BLKIF_OP_WRITE, 88, 5);
	b.id = a.id;
	rig_put(&rig, &a);
	rig_put(&rig, &b);
	rig_push(&rig);
	for (int i = 0; i < 2; i++) {
		struct blkif_rsp rsp = rig_get(&rig);

		assert_int_equal(rsp.id, a.id);
		assert_int_equal(rsp.status, BLKIF_RSP_OKAY);
	}
	stop_clean();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(discard_reaches_storage),
		T(discard_in_the_x86_32_layout),
		T(secure_discard_reaches_storage_as_secure),
		T(rule11_secure_discard_where_it_was_not_offered),
		T(rule11_discard_beyond_the_end_or_wrapping),
		T(discard_of_nothing_is_done),
		T(rule09_cve_2013_2140_read_only_refuses_discard),
		T(discard_that_storage_cannot_do_after_all),
		T(a_write_failing_with_eopnotsupp_is_an_error),
		T(rule08_4kn_wants_whole_blocks),
		T(requests_beyond_a_shrunken_end_are_errors),
		T(a_limit_spreads_requests_over_time),
		T(a_throttled_queue_sleeps),
		T(a_limit_that_is_raised_counts_for_those_that_wait),
		T(limits_of_writes_leave_reads_and_flushes_alone),
		T(stopping_does_not_wait_for_limits),
		T(a_barrier_behind_a_throttled_write),
		T(grub_uses_one_page_and_one_id_for_all),
		T(windows_flushes_and_barriers_name_any_sector),
		T(windows_ids_are_pointers),
		T(halves_of_one_operation_may_come_with_the_same_id),
	};

	return cmocka_run_group_tests_name("blk-features", tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* What the io layer makes of requests, seen by a driver that checks and records. */
#include "config.h"
#include "tests/unit/io-disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"

/* --- straight through, refused, larger than the driver's ------------------------------------ */

static void plain_requests_go_straight_through(void **state)
{
	static const struct { enum blk_op op; uint64_t offset, length; } is[] = {
		{ BLK_READ, 0, 512 }, { BLK_WRITE, 512, 512 }, { BLK_WRITE, SIZE - 65536, 65536 },
		{ BLK_READ, 3 * 512, 7 * 512 },
	};

	io_disk_start(&plain);
	for (unsigned i = 0; i < ARRAY_SIZE(is); i++) {
		assert_int_equal(io_rig_do(&rig, is[i].op, is[i].offset, is[i].length, memory + 512), 0);
		assert_int_equal(disk.logged, i + 1);
		assert_int_equal(disk.log[i].offset, is[i].offset);
		assert_int_equal(disk.log[i].length, is[i].length);
	}
	assert_int_equal(io_rig_do(&rig, BLK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(disk.log[4].op, BLK_FLUSH);
	for (unsigned i = 0; i < IO_COUNTERS; i++)
		assert_int_equal(io_counters(&rig.io)[i], 0);
	io_disk_finish();
}

/* Completions that arrive later, by reap(). */
static void check_reaped(void)
{
	struct iovec iov[32];
	struct blk_req req[32];

	for (unsigned round = 1; round <= 5; round++) {
		for (unsigned i = 0; i < 32; i++) {
			req[i] = io_rig_req(BLK_READ, i * 4096, 4096, &iov[i], memory + i * 4096);
			io_queue_submit(&rig.io, &req[i]);
		}
		io_kick(&rig.io);
		assert_int_equal(rig.done, 32 * (round - 1));
		io_rig_wait(&rig, 32 * round);
		assert_int_equal(disk.kicks, round);
		assert_true(disk.reaps >= round);
	}
	assert_memory_equal(memory, disk.data, 32 * 4096);
}

static void a_drivers_descriptor_is_polled_and_reaped(void **state)
{
	io_disk_start(&plain);
	disk.later = true;
	check_reaped();
	io_disk_finish();
}

static void a_drivers_descriptor_may_change(void **state)
{
	io_disk_start(&plain);
	disk.later = true;
	disk.moves = true;
	check_reaped();
	io_disk_finish();
}

/* No descriptor at all, only a time; and once nothing is in flight, not even that. */
static void a_driver_that_wants_time_gets_it(void **state)
{
	unsigned reaps;

	fail_disk_init(&disk, &plain);
	disk.later = true;
	disk.ticks = true;
	assert_int_equal(io_adopt(&fail_driver, &disk, &plain, &io), 0);
	io_rig_start(&rig, io);
	assert_int_equal(posix_memalign((void **)&memory, 4096, SIZE), 0);
	check_reaped();
	reaps = disk.reaps;
	usleep(30000);
	io_rig_turn(&rig, false);
	assert_true(disk.reaps <= reaps + 1);
	io_disk_finish();
}

/* Whoever waits leaves a server its CPU, as long as the server has something to do. */
static void a_server_that_has_requests_is_known(void **state)
{
	struct blk_info info = plain;
	struct iovec iov;

	for (unsigned served = 0; served < 2; served++) {
		struct blk_req req;

		info.flags = served ? BLK_INFO_SERVED : 0;
		io_disk_start(&info);
		disk.later = true;
		assert_false(io_is_served(&rig.io));
		req = io_rig_req(BLK_READ, 0, 4096, &iov, memory);
		io_queue_submit(&rig.io, &req);
		io_kick(&rig.io);
		assert_int_equal(io_is_served(&rig.io), served);
		io_rig_wait(&rig, 1);
		assert_false(io_is_served(&rig.io));
		io_disk_finish();
	}
}

static void expect_refused(int error, enum blk_op op, uint64_t offset, uint64_t length)
{
	assert_int_equal(io_rig_do(&rig, op, offset, length, memory), error);
	assert_int_equal(disk.submitted, 0);
}

static void what_cannot_be_is_refused_before_the_driver(void **state)
{
	struct blk_info info = plain;

	info.flags = BLK_INFO_READONLY;
	io_disk_start(&info);
	expect_refused(-EIO, BLK_READ, SIZE - 512, 1024);
	expect_refused(-EIO, BLK_READ, UINT64_MAX - 511, 1024); /* wraps */
	expect_refused(-EIO, BLK_READ, 0, SIZE + 512);
	expect_refused(-EINVAL, BLK_READ, 100, 512);
	expect_refused(-EINVAL, BLK_READ, 0, 100);
	expect_refused(-EINVAL, BLK_READ, 0, 0);
	expect_refused(-EROFS, BLK_WRITE, 0, 512);
	expect_refused(-EROFS, BLK_DISCARD, 0, 512);
	expect_refused(-EROFS, BLK_ZEROES, 0, 512);
	expect_refused(0, BLK_FLUSH, 0, 0); /* nothing volatile */
	io_disk_finish();
	info.flags = 0;
	io_disk_start(&info);
	expect_refused(-EOPNOTSUPP, BLK_DISCARD, 0, 512);
	io_disk_finish();
}

static void secure_discard_only_where_it_works(void **state)
{
	struct blk_info info = plain;
	struct blk_req req = { .op = BLK_DISCARD, .flags = BLK_REQ_SECURE, .length = 4096 };

	io_disk_start(&info);
	io_queue_submit(&rig.io, &req);
	io_rig_wait(&rig, 1);
	assert_int_equal(req.error, -EOPNOTSUPP);
	io_disk_finish();
	info.flags |= BLK_INFO_SECURE_DISCARD;
	info.block_size = 4096;
	io_disk_start(&info);
	io_queue_submit(&rig.io, &req);
	io_kick(&rig.io);
	io_rig_wait(&rig, 1);
	assert_int_equal(req.error, 0);
	assert_int_equal(disk.log[0].flags, BLK_REQ_SECURE);
	/* Half a block cannot be erased, and leaving it would be no erasure. */
	req.length = 4096 + 512;
	io_queue_submit(&rig.io, &req);
	io_rig_wait(&rig, 2);
	assert_int_equal(req.error, -EINVAL);
	io_disk_finish();
}

static void storage_that_makes_no_sense_is_refused(void **state)
{
	static const struct blk_info bad[] = {
		{ .size = SIZE, .block_size = 0, .max_iov = 1 },
		{ .size = SIZE, .block_size = 256, .max_iov = 1 },
		{ .size = SIZE, .block_size = 1536, .max_iov = 1 },
		{ .size = SIZE, .block_size = 131072, .max_iov = 1 },
		{ .size = 0, .block_size = 512, .max_iov = 1 },
		{ .size = SIZE + 512, .block_size = 4096, .max_iov = 1 },
		{ .size = SIZE, .block_size = 512, .max_iov = 0 },
		{ .size = SIZE, .block_size = 512, .memory_align = 4096, .max_iov = 1 },
		{ .size = SIZE, .block_size = 4096, .max_length = 2048, .max_iov = 1 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(io_adopt(&fail_driver, &disk, &bad[i], &io), -EINVAL);
}

static void more_elements_than_the_driver_takes(void **state)
{
	struct blk_info info = plain;

	info.max_iov = 11;
	io_disk_scattered(&info, 256, 512, 512 * 3, 24); /* ceil(256 / 11) */
	info.max_iov = 1;
	io_disk_scattered(&info, 11, 512, 512 * 3, 11);
}

static void longer_than_the_driver_takes(void **state)
{
	struct blk_info info = plain;

	info.max_length = 1536; /* cuts elements in two */
	io_disk_scattered(&info, 200, 512, 512 * 7, 0);
	info.max_length = 4096 + 100; /* is rounded down */
	io_disk_scattered(&info, 64, 512, 512 * 7, 0);
	info.max_iov = 3;
	io_disk_scattered(&info, 64, 512, 512 * 7, 0);
}

static void a_part_that_fails_ends_the_request(void **state)
{
	struct blk_info info = plain;

	info.max_length = 4096;
	io_disk_start(&info);
	disk.rule[disk.rules++] = (struct fail_rule){ BLK_WRITE, 8192, 8193, 0, 0, -ENOSPC };
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 0, 65536, memory), -ENOSPC);
	assert_int_equal(disk.submitted, 3);
	assert_int_equal(io_rig_do(&rig, BLK_WRITE, 65536, 65536, memory), 0);
	io_disk_finish();
}

/* --- discards and zeroes ----------------------------------------------------------------------------- */

static void discards_leave_partial_blocks_alone(void **state)
{
	io_disk_start(&blocks);
	assert_int_equal(io_rig_do(&rig, BLK_DISCARD, 512, 12288, NULL), 0);
	assert_int_equal(disk.logged, 1);
	assert_int_equal(disk.log[0].offset, 4096);
	assert_int_equal(disk.log[0].length, 8192);
	assert_int_equal(io_rig_do(&rig, BLK_DISCARD, 512, 4096, NULL), 0);
	assert_int_equal(disk.logged, 1); /* nothing whole in it */
	io_disk_finish();
}

static void large_discards_are_parts_on_granules(void **state)
{
	struct blk_info info = plain;

	info.max_discard = 100 * 1024;
	info.discard_granularity = 65536;
	io_disk_start(&info);
	assert_int_equal(io_rig_do(&rig, BLK_DISCARD, 512, 300 * 1024, NULL), 0);
	for (unsigned i = 0; i < disk.logged; i++) {
		assert_true(disk.log[i].length <= info.max_discard);
		if (i + 1 < disk.logged)
			assert_int_equal((disk.log[i].offset + disk.log[i].length) % 65536, 0);
	}
	for (unsigned i = 0; i < 300 * 1024; i++)
		assert_int_equal(disk.data[512 + i], 0);
	assert_int_equal(disk.data[511], 0);
	assert_int_equal(disk.data[512 + 300 * 1024], (uint8_t)(1 + 600));
	io_disk_finish();
}

static void a_discard_and_its_parts_end_at_disconnect(void **state)
{
	struct blk_info info = plain;
	struct blk_req req = { .op = BLK_DISCARD, .length = SIZE };

	info.max_discard = 4096;
	io_disk_start(&info);
	disk.later = true;
	disk.hold = true;
	io_queue_submit(&rig.io, &req);
	io_kick(&rig.io);
	io_queue_cancel(&rig.io);
	fail_disk_release(&disk, &rig.pub);
	io_rig_wait(&rig, 1);
	assert_int_equal(req.error, -ECANCELED);
	assert_int_equal(disk.submitted, 1); /* of 1024 */
	io_disk_finish();
}

/* Writes sent before a discard are not lost behind it; those sent after it are not eaten. */
static void discards_and_writes_keep_their_order(void **state)
{
	struct blk_req before, discard = { .op = BLK_DISCARD, .length = 65536 }, after, away;
	struct iovec iov[3];

	io_disk_start(&plain);
	disk.later = true;
	disk.hold = true;
	memset(memory, 0x55, 4096);
	before = io_rig_req(BLK_WRITE, 0, 4096, &iov[0], memory);
	after = io_rig_req(BLK_WRITE, 4096, 4096, &iov[1], memory);
	away = io_rig_req(BLK_WRITE, 65536, 4096, &iov[2], memory);
	io_queue_submit(&rig.io, &before);
	io_queue_submit(&rig.io, &discard);
	io_queue_submit(&rig.io, &after);
	io_queue_submit(&rig.io, &away);
	io_kick(&rig.io);
	assert_int_equal(disk.submitted, 2);
	assert_int_equal(disk.log[0].offset, 0);
	assert_int_equal(disk.log[1].offset, 65536);
	fail_disk_release(&disk, &rig.pub);
	io_rig_wait(&rig, 4);
	assert_int_equal(disk.log[2].op, BLK_DISCARD);
	assert_int_equal(disk.log[3].offset, 4096);
	assert_int_equal(disk.data[100], 0);
	assert_int_equal(disk.data[4096 + 100], 0x55);
	io_disk_finish();
}

static void zeroes_are_written_where_the_storage_has_none(void **state)
{
	struct blk_info info = plain;

	info.flags &= ~BLK_INFO_ZEROES;
	io_disk_start(&info);
	assert_int_equal(io_rig_do(&rig, BLK_ZEROES, 512, MiB, NULL), 0);
	for (unsigned i = 0; i < disk.logged; i++)
		assert_int_equal(disk.log[i].op, BLK_WRITE);
	for (unsigned i = 0; i < MiB; i++)
		assert_int_equal(disk.data[512 + i], 0);
	assert_int_equal(disk.data[512 + MiB], 1 + (MiB >> 9) % 256);
	io_disk_finish();
}

/* A file system that says no at the second part. */
static void zeroes_that_the_storage_refuses_are_written(void **state)
{
	struct blk_info info = plain;

	info.max_discard = 65536;
	io_disk_start(&info);
	disk.rule[disk.rules++] = (struct fail_rule){ BLK_ZEROES, 0, 0, 1, 0, -EOPNOTSUPP };
	assert_int_equal(io_rig_do(&rig, BLK_ZEROES, 4096, MiB, NULL), 0);
	assert_int_equal(disk.log[0].op, BLK_ZEROES);
	assert_int_equal(disk.log[1].op, BLK_ZEROES);
	assert_int_equal(disk.log[2].op, BLK_WRITE);
	assert_int_equal(disk.log[2].offset, 4096 + 65536); /* from there on */
	for (unsigned i = 0; i < MiB; i++)
		assert_int_equal(disk.data[4096 + i], 0);
	io_disk_finish();
}

/* --- the rest ------------------------------------------------------------------------------------------ */

static void a_new_size_counts_for_requests_from_then_on(void **state)
{
	io_disk_start(&plain);
	assert_int_equal(io_refresh(io), 0);
	disk.info.size = SIZE / 2;
	assert_int_equal(io_rig_do(&rig, BLK_READ, SIZE / 2 - 512, 512, memory), 0);
	assert_int_equal(io_refresh(io), 1);
	assert_int_equal(io_info(io)->size, SIZE / 2);
	assert_int_equal(io_rig_do(&rig, BLK_READ, SIZE / 2, 512, memory), -EIO);
	disk.info.size = SIZE;
	assert_int_equal(io_refresh(io), 1);
	assert_int_equal(io_rig_do(&rig, BLK_READ, SIZE / 2, 512, memory), 0);
	disk.info.size = 0;
	assert_int_equal(io_refresh(io), -EINVAL);
	disk.info.size = SIZE;
	io_disk_finish();
}

struct call {
	struct blk_post post;
	pthread_t thread;
	bool called;
};

static void on_call(struct blk_queue *queue, struct blk_post *post)
{
	struct call *c = container_of(post, struct call, post);

	assert_true(pthread_equal(pthread_self(), c->thread));
	c->called = true;
}

static void *post_calls(void *opaque)
{
	struct call *c = opaque;

	for (unsigned i = 0; i < 100; i++)
		blk_queue_post(&rig.pub, &c[i].post);
	return NULL;
}

static void posts_of_other_threads_arrive_in_the_queues(void **state)
{
	static struct call call[2][100];
	pthread_t thread[2];
	bool all = false;

	io_disk_start(&plain);
	for (unsigned i = 0; i < 200; i++)
		call[i / 100][i % 100] = (struct call){ .post.fn = on_call, .thread = pthread_self() };
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, post_calls, call[i]), 0);
	while (!all) {
		io_rig_turn(&rig, true);
		all = true;
		for (unsigned i = 0; i < 200; i++)
			all &= call[i / 100][i % 100].called;
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	io_disk_finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_requests_go_straight_through),
		cmocka_unit_test(a_drivers_descriptor_is_polled_and_reaped),
		cmocka_unit_test(a_drivers_descriptor_may_change),
		cmocka_unit_test(a_driver_that_wants_time_gets_it),
		cmocka_unit_test(a_server_that_has_requests_is_known),
		cmocka_unit_test(what_cannot_be_is_refused_before_the_driver),
		cmocka_unit_test(secure_discard_only_where_it_works),
		cmocka_unit_test(storage_that_makes_no_sense_is_refused),
		cmocka_unit_test(more_elements_than_the_driver_takes),
		cmocka_unit_test(longer_than_the_driver_takes),
		cmocka_unit_test(a_part_that_fails_ends_the_request),
		cmocka_unit_test(discards_leave_partial_blocks_alone),
		cmocka_unit_test(large_discards_are_parts_on_granules),
		cmocka_unit_test(a_discard_and_its_parts_end_at_disconnect),
		cmocka_unit_test(discards_and_writes_keep_their_order),
		cmocka_unit_test(zeroes_are_written_where_the_storage_has_none),
		cmocka_unit_test(zeroes_that_the_storage_refuses_are_written),
		cmocka_unit_test(a_new_size_counts_for_requests_from_then_on),
		cmocka_unit_test(posts_of_other_threads_arrive_in_the_queues),
	};

	return cmocka_run_group_tests_name("blk-io", tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Flushes that come while another is under way, on the same ring or on another one: what
 * each promises, when storage loses data and says so only once.
 */
#include "config.h"
#include "tests/unit/blk-recorder.h"

#include <errno.h>
#include <unistd.h>

#define QUEUES 3u

static struct recorder rec;
static struct rig rig[QUEUES];

static void start(void)
{
	for (unsigned i = 0; i < QUEUES; i++)
		rig_start(&rig[i], &(struct rig_options){
			.driver = &recorder_driver, .driver_state = &rec, .persistent = true,
			.barrier = true, .index = i,
			.info = &(struct blk_info){ .size = RIG_SECTORS * 512, .block_size = 512,
				.physical_size = 512, .max_iov = 1024,
				.flags = BLK_INFO_FLUSH | BLK_INFO_MULTI_QUEUE },
			.first = i ? &rig[0] : NULL });
}

/* Queue 0 has what they share, so it goes last. */
static void stop_all(void)
{
	for (unsigned i = 0; i < QUEUES; i++)
		queue_stop(rig[i].queue);
	for (unsigned i = QUEUES; i-- > 0;)
		assert_null(rig_stop(&rig[i]));
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

static void put(unsigned ring, uint8_t op, unsigned n)
{
	struct blkif_req req = rig_request(&rig[ring], op, 8,
		op == BLKIF_OP_FLUSH_DISKCACHE || op == BLKIF_OP_WRITE_BARRIER ? 0 : 1);

	while (n--)
		rig_put(&rig[ring], &req);
	rig_push(&rig[ring]);
}

/* What went before in this ring was taken. The storage does not see how. */
static void wait_taken(unsigned ring)
{
	struct blkif_req req = rig_request(&rig[ring], BLKIF_OP_READ, RIG_SECTORS, 1);

	/* Beyond the end: refused at once, behind the others of its ring. */
	rig_put(&rig[ring], &req);
	rig_push(&rig[ring]);
	assert_int_equal(rig_get(&rig[ring]).operation, BLKIF_OP_READ);
}

static void answered(unsigned ring, int status)
{
	assert_int_equal(rig_get(&rig[ring]).status, status);
}

/* All rings have flushes; the storage says yes to all but the first. */
static void check_error(unsigned first, unsigned ring, uint8_t op)
{
	start();
	for (unsigned i = 0; i < QUEUES; i++)
		recorder_hold(&rec, i);
	put(first, BLKIF_OP_FLUSH_DISKCACHE, 1);
	recorder_wait(&rec, 1);
	put(ring, op, 2);
	wait_taken(ring);
	recorder_fail(&rec, BLK_FLUSH, -EIO);
	recorder_release(&rec, first);
	answered(first, BLKIF_RSP_ERROR);
	recorder_fail(&rec, BLK_FLUSH, 0);
	if (ring != first)
		recorder_release(&rec, ring);
	answered(ring, BLKIF_RSP_ERROR);
	answered(ring, BLKIF_RSP_ERROR);
	stop_all();
	assert_int_equal(recorder_submitted(&rec), 1);
}

static void a_flush_beside_one_that_failed_on_another_ring_fails(void **state)
{
	check_error(0, 1, BLKIF_OP_FLUSH_DISKCACHE);
}

static void a_flush_beside_one_that_failed_on_its_ring_fails(void **state)
{
	check_error(1, 1, BLKIF_OP_FLUSH_DISKCACHE);
}

static void a_barrier_beside_a_flush_that_failed_fails(void **state)
{
	check_error(2, 0, BLKIF_OP_WRITE_BARRIER);
}

/* The one under way began too early for them: one more, after it, is for all. */
static void flushes_that_wait_share_the_next_one(void **state)
{
	start();
	for (unsigned i = 0; i < QUEUES; i++)
		recorder_hold(&rec, i);
	put(0, BLKIF_OP_FLUSH_DISKCACHE, 1);
	recorder_wait(&rec, 1);
	for (unsigned i = 0; i < QUEUES; i++) {
		put(i, BLKIF_OP_FLUSH_DISKCACHE, 3);
		wait_taken(i);
	}
	assert_int_equal(recorder_submitted(&rec), 1);
	recorder_release(&rec, 0);
	answered(0, BLKIF_RSP_OKAY);
	/* Whichever ring has the second one. */
	recorder_wait(&rec, 2);
	recorder_release(&rec, 1);
	recorder_release(&rec, 2);
	for (unsigned i = 0; i < QUEUES; i++)
		for (unsigned n = 0; n < 3; n++)
			answered(i, BLKIF_RSP_OKAY);
	stop_all();
	assert_int_equal(recorder_submitted(&rec), 2);
	/* start, end, start, end */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rec.event[i].done, i % 2);
}

static void a_queue_that_stops_answers_flushes_that_wait(void **state)
{
	start();
	recorder_hold(&rec, 0);
	put(0, BLKIF_OP_FLUSH_DISKCACHE, 1);
	recorder_wait(&rec, 1);
	put(1, BLKIF_OP_FLUSH_DISKCACHE, 2);
	wait_taken(1);
	queue_stop(rig[1].queue);
	usleep(10000);
	assert_false(queue_has_ended(rig[1].queue));
	recorder_release(&rec, 0);
	answered(0, BLKIF_RSP_OKAY);
	answered(1, BLKIF_RSP_OKAY);
	answered(1, BLKIF_RSP_OKAY);
	stop_all();
}

/* Every ring flushes all the time, and so it goes on until all are answered. */
static void none_is_left_waiting(void **state)
{
	start();
	for (unsigned round = 0; round < 2000; round++) {
		for (unsigned i = 0; i < QUEUES; i++)
			put(i, BLKIF_OP_FLUSH_DISKCACHE, 1 + (round + i) % 4);
		for (unsigned i = 0; i < QUEUES; i++)
			for (unsigned n = 0; n < 1 + (round + i) % 4; n++)
				answered(i, BLKIF_RSP_OKAY);
	}
	stop_all();
	for (unsigned i = 0; i < rec.events; i++)
		assert_int_equal(rec.event[i].done, i % 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_flush_beside_one_that_failed_on_another_ring_fails),
		T(a_flush_beside_one_that_failed_on_its_ring_fails),
		T(a_barrier_beside_a_flush_that_failed_fails),
		T(flushes_that_wait_share_the_next_one),
		T(a_queue_that_stops_answers_flushes_that_wait),
		T(none_is_left_waiting),
	};

	return cmocka_run_group_tests_name("blk-flush", tests, NULL, NULL);
}

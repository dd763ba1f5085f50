// SPDX-License-Identifier: MIT
/* WRITE_BARRIER over several rings: what the storage sees, and in which order. */
#include "config.h"
#include "tests/unit/blk-recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUEUES 4u
#define PER_RING 2048u /* sectors: each ring of a test writes in its own part */

static struct recorder rec;
static struct rig rig[QUEUES];
static unsigned nrigs;

static void start(unsigned n)
{
	for (nrigs = 0; nrigs < n; nrigs++)
		rig_start(&rig[nrigs], &(struct rig_options){
			.driver = &recorder_driver, .driver_state = &rec, .persistent = true,
			.barrier = true, .discard = true, .index = nrigs,
			.info = &(struct blk_info){ .size = RIG_SECTORS * 512, .block_size = 512,
				.physical_size = 512, .max_iov = 1024,
				.flags = BLK_INFO_FLUSH | BLK_INFO_DISCARD | BLK_INFO_MULTI_QUEUE },
			.first = nrigs ? &rig[0] : NULL });
}

/* Queue 0 has what they share, so it goes last. */
static void stop_all(void)
{
	for (unsigned i = 0; i < nrigs; i++)
		queue_stop(rig[i].queue);
	while (nrigs) {
		char *why = rig_stop(&rig[--nrigs]);

		assert_null(why);
	}
}

static int setup(void **state)
{
	fake_reset();
	recorder_init(&rec);
	return 0;
}

static int teardown(void **state)
{
	struct fake_counts n = fake_counts();

	recorder_fini(&rec);
	assert_int_equal(n.mapped, 0);
	assert_int_equal(n.bound, 0);
	assert_int_equal(n.open_handles, 0);
	return 0;
}

/* A request of one sector, the @seq'th of its ring; its sector says both. */
static void put(unsigned ring, uint8_t op, unsigned seq, unsigned segments)
{
	struct blkif_req req = rig_request(&rig[ring], op, ring * PER_RING + seq, segments);

	req.id = seq;
	req.nr_sectors = 1; /* of a discard */
	if (segments)
		req.seg[0].last_sect = 0;
	rig_put(&rig[ring], &req);
	rig_push(&rig[ring]);
}

static void answered(unsigned ring, int status)
{
	assert_int_equal(rig_get(&rig[ring]).status, status);
}

static void wait_announced(uint64_t n)
{
	for (int i = 0; i < 10000 && mem_get(&rig[0].shared.barrier.announced) < n; i++)
		usleep(1000);
	assert_int_equal(mem_get(&rig[0].shared.barrier.announced), n);
}

/* Where the @nth event like this is; fails if there is none. */
static unsigned at(enum blk_op op, bool done, int64_t sector, unsigned nth)
{
	for (unsigned i = 0; i < rec.events; i++) {
		const struct recorder_event *e = &rec.event[i];

		if (e->op == op && e->done == done && (sector < 0 || e->sector == (uint64_t)sector) &&
			nth-- == 0)
			return i;
	}
	fail_msg("no %s of operation %d at %lld", done ? "end" : "start", op, (long long)sector);
	return 0;
}

static unsigned count(enum blk_op op)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rec.events; i++)
		n += rec.event[i].op == op && !rec.event[i].done;
	return n;
}

/* Writes on all rings, a barrier on the first, more writes on all: three groups, in order. */
static void check_order_over(unsigned n, unsigned segments)
{
	unsigned steps = segments ? 3 : 1;

	start(n);
	for (unsigned i = 0; i < n; i++) {
		recorder_hold(&rec, i);
		put(i, BLKIF_OP_WRITE, 1, 1);
	}
	recorder_wait(&rec, n);
	put(0, BLKIF_OP_WRITE_BARRIER, 2, segments);
	wait_announced(1);
	for (unsigned i = 0; i < n; i++)
		put(i, BLKIF_OP_WRITE, 3, 1);
	for (unsigned i = n; i-- > 0;) {
		usleep(10000);
		assert_int_equal(recorder_submitted(&rec), n);
		recorder_release(&rec, i);
	}
	for (unsigned i = 0; i < n; i++) {
		answered(i, BLKIF_RSP_OKAY);
		answered(i, BLKIF_RSP_OKAY);
	}
	answered(0, BLKIF_RSP_OKAY);
	stop_all();
	assert_int_equal(rec.submitted, 2 * n + steps);
	assert_int_equal(count(BLK_FLUSH), segments ? 2 : 1);
	for (unsigned i = 0; i < n; i++) {
		assert_true(at(BLK_WRITE, true, i * PER_RING + 1, 0) < at(BLK_FLUSH, false, -1, 0));
		assert_true(at(BLK_FLUSH, true, -1, segments ? 1 : 0) <
			    at(BLK_WRITE, false, i * PER_RING + 3, 0));
	}
	if (!segments)
		return;
	assert_true(at(BLK_FLUSH, true, -1, 0) < at(BLK_WRITE, false, 2, 0));
	assert_true(at(BLK_WRITE, true, 2, 0) < at(BLK_FLUSH, false, -1, 1));
}

static void with_data_over_one_ring(void **state)
{
	check_order_over(1, 1);
}

static void with_data_over_two_rings(void **state)
{
	check_order_over(2, 1);
}

static void with_data_over_four_rings(void **state)
{
	check_order_over(4, 1);
}

static void without_data_over_one_ring(void **state)
{
	check_order_over(1, 0);
}

static void without_data_over_four_rings(void **state)
{
	check_order_over(4, 0);
}

static void reads_and_flushes_pass_a_pending_barrier(void **state)
{
	start(2);
	recorder_hold(&rec, 0);
	put(0, BLKIF_OP_WRITE, 1, 1);
	recorder_wait(&rec, 1);
	put(0, BLKIF_OP_WRITE_BARRIER, 2, 1);
	wait_announced(1);
	put(1, BLKIF_OP_READ, 3, 1);
	answered(1, BLKIF_RSP_OKAY);
	put(1, BLKIF_OP_FLUSH_DISKCACHE, 4, 0);
	answered(1, BLKIF_RSP_OKAY);
	recorder_release(&rec, 0);
	answered(0, BLKIF_RSP_OKAY);
	answered(0, BLKIF_RSP_OKAY);
	stop_all();
}

static void discards_are_ordered_as_writes_are(void **state)
{
	start(2);
	recorder_hold(&rec, 1);
	put(1, BLKIF_OP_DISCARD, 1, 0);
	recorder_wait(&rec, 1);
	put(0, BLKIF_OP_WRITE_BARRIER, 2, 0);
	wait_announced(1);
	put(0, BLKIF_OP_DISCARD, 3, 0);
	usleep(10000);
	assert_int_equal(recorder_submitted(&rec), 1);
	recorder_release(&rec, 1);
	answered(1, BLKIF_RSP_OKAY);
	answered(0, BLKIF_RSP_OKAY);
	answered(0, BLKIF_RSP_OKAY);
	stop_all();
	assert_true(at(BLK_DISCARD, true, PER_RING + 1, 0) < at(BLK_FLUSH, false, -1, 0));
	assert_true(at(BLK_FLUSH, true, -1, 0) < at(BLK_DISCARD, false, 3, 0));
}

/* Barriers of two rings, both pending, with writes between them. */
static void two_barriers_on_different_rings(void **state)
{
	start(3);
	recorder_hold(&rec, 2);
	put(2, BLKIF_OP_WRITE, 1, 1);
	recorder_wait(&rec, 1);
	put(0, BLKIF_OP_WRITE_BARRIER, 2, 1);
	wait_announced(1);
	put(2, BLKIF_OP_WRITE, 3, 1); /* between */
	usleep(10000);
	put(1, BLKIF_OP_WRITE_BARRIER, 4, 1);
	wait_announced(2);
	put(0, BLKIF_OP_WRITE, 5, 1);
	usleep(10000);
	assert_int_equal(recorder_submitted(&rec), 1);
	recorder_release(&rec, 2);
	answered(2, BLKIF_RSP_OKAY);
	answered(2, BLKIF_RSP_OKAY);
	answered(0, BLKIF_RSP_OKAY);
	answered(0, BLKIF_RSP_OKAY);
	answered(1, BLKIF_RSP_OKAY);
	stop_all();
	assert_true(at(BLK_WRITE, true, 2 * PER_RING + 1, 0) < at(BLK_WRITE, false, 2, 0));
	assert_true(at(BLK_FLUSH, true, -1, 1) < at(BLK_WRITE, false, 2 * PER_RING + 3, 0));
	assert_true(at(BLK_WRITE, true, 2 * PER_RING + 3, 0) < at(BLK_WRITE, false, PER_RING + 4, 0));
	assert_true(at(BLK_FLUSH, true, -1, 3) < at(BLK_WRITE, false, 5, 0));
}

/* Mini-OS sends barriers and flushes, all with id 0. */
static void mini_os_barriers_in_a_row_with_the_same_id(void **state)
{
	start(1);
	for (int i = 0; i < 5; i++) {
		put(0, BLKIF_OP_WRITE_BARRIER, 0, 0);
		put(0, BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	}
	for (int i = 0; i < 10; i++)
		answered(0, BLKIF_RSP_OKAY);
	stop_all();
}

/* --- what goes wrong --- */

static void failed_flush_before_the_data(void **state)
{
	start(2);
	recorder_fail(&rec, BLK_FLUSH, -EIO);
	put(0, BLKIF_OP_WRITE_BARRIER, 1, 1);
	answered(0, BLKIF_RSP_ERROR);
	recorder_fail(&rec, BLK_FLUSH, 0);
	assert_int_equal(count(BLK_WRITE), 0); /* nothing is written on top of what was lost */
	put(1, BLKIF_OP_WRITE, 2, 1);
	answered(1, BLKIF_RSP_OKAY);
	put(1, BLKIF_OP_WRITE_BARRIER, 3, 0); /* and it is not forgotten */
	answered(1, BLKIF_RSP_ERROR);
	put(0, BLKIF_OP_WRITE, 4, 1);
	answered(0, BLKIF_RSP_OKAY);
	assert_int_equal(mem_get(&rig[0].shared.flush_error), -EIO);
	stop_all();
	assert_int_equal(count(BLK_FLUSH), 1);
}

static void failed_data(void **state)
{
	start(2);
	recorder_fail(&rec, BLK_WRITE, -ENOSPC);
	put(0, BLKIF_OP_WRITE_BARRIER, 1, 1);
	answered(0, BLKIF_RSP_ERROR);
	recorder_fail(&rec, BLK_WRITE, 0);
	put(1, BLKIF_OP_WRITE_BARRIER, 2, 1);
	answered(1, BLKIF_RSP_OKAY);
	assert_int_equal(rig_metric(&rig[0], QUEUE_ERRORS), 1);
	assert_int_equal(mem_get(&rig[0].shared.flush_error), 0);
	stop_all();
	assert_int_equal(count(BLK_FLUSH), 3);
}

static void a_barrier_whose_grant_is_bad_lets_others_go_on(void **state)
{
	struct blkif_req req;

	start(2);
	recorder_hold(&rec, 1);
	put(1, BLKIF_OP_WRITE, 1, 1);
	recorder_wait(&rec, 1);
	req = rig_request(&rig[0], BLKIF_OP_WRITE_BARRIER, 2, 1);
	req.seg[0].gref = FAKE_GRANTS - 1;
	rig_put(&rig[0], &req);
	req = rig_request(&rig[0], BLKIF_OP_WRITE_BARRIER, RIG_SECTORS, 1); /* beyond the end */
	rig_put(&rig[0], &req);
	rig_push(&rig[0]);
	wait_announced(2);
	put(0, BLKIF_OP_WRITE, 3, 1);
	recorder_release(&rec, 1);
	answered(1, BLKIF_RSP_OKAY);
	answered(0, BLKIF_RSP_ERROR);
	answered(0, BLKIF_RSP_ERROR);
	answered(0, BLKIF_RSP_OKAY);
	stop_all();
	assert_int_equal(count(BLK_WRITE), 2);
	assert_int_equal(count(BLK_FLUSH), 0);
}

static void disconnect_with_barriers_pending_answers_all(void **state)
{
	start(3);
	recorder_hold(&rec, 1);
	put(1, BLKIF_OP_WRITE, 1, 1);
	recorder_wait(&rec, 1);
	put(0, BLKIF_OP_WRITE_BARRIER, 2, 1);
	wait_announced(1);
	put(2, BLKIF_OP_WRITE_BARRIER, 3, 0);
	wait_announced(2);
	for (unsigned i = 0; i < 3; i++)
		put(i, BLKIF_OP_WRITE, 4, 1);
	usleep(20000);
	for (unsigned i = 0; i < 3; i++)
		queue_stop(rig[i].queue);
	usleep(20000);
	for (unsigned i = 0; i < 3; i++)
		assert_false(queue_has_ended(rig[i].queue));
	recorder_release(&rec, 1);
	for (unsigned i = 0; i < 3; i++) {
		answered(i, BLKIF_RSP_OKAY);
		answered(i, BLKIF_RSP_OKAY);
	}
	stop_all();
}

/* A ring that ends on its own takes nothing along: its barrier and those of others pass. */
static void a_broken_ring_does_not_hold_up_a_barrier(void **state)
{
	char *why;

	start(2);
	recorder_hold(&rec, 1);
	put(1, BLKIF_OP_WRITE, 1, 1);
	recorder_wait(&rec, 1);
	put(0, BLKIF_OP_WRITE_BARRIER, 2, 1);
	wait_announced(1);
	*(volatile uint32_t *)rig[1].ring.page = 100000;
	fake_notify_on(1);
	usleep(20000);
	recorder_release(&rec, 1);
	answered(0, BLKIF_RSP_OKAY);
	why = rig_stop(&rig[--nrigs]);
	assert_non_null(why);
	free(why);
	put(0, BLKIF_OP_WRITE_BARRIER, 3, 1);
	answered(0, BLKIF_RSP_OKAY);
	stop_all();
}

static void an_idle_ring_is_woken_and_not_kept_awake(void **state)
{
	start(4);
	for (int i = 0; i < 50; i++) {
		put(0, BLKIF_OP_WRITE_BARRIER, i, 1);
		answered(0, BLKIF_RSP_OKAY);
	}
	assert_int_equal(rig_metric(&rig[3], QUEUE_SWEEPS), 0);
	stop_all();
}

static void not_offered_is_not_supported(void **state)
{
	struct blkif_req req;

	rig_start(&rig[0], &(struct rig_options){ .driver = &recorder_driver, .driver_state = &rec });
	nrigs = 1;
	req = rig_request(&rig[0], BLKIF_OP_WRITE_BARRIER, 0, 1);
	assert_int_equal(rig_do(&rig[0], &req), BLKIF_RSP_EOPNOTSUPP);
	stop_all();
}

/* Rings' worth of barriers: each waits for the one before, in the order of their numbers. */
static void a_ring_full_of_barriers(void **state)
{
	start(3);
	recorder_hold(&rec, 2);
	put(2, BLKIF_OP_WRITE, 0, 1);
	recorder_wait(&rec, 1);
	for (unsigned i = 0; i < 32; i++)
		for (unsigned ring = 0; ring < 2; ring++)
			put(ring, BLKIF_OP_WRITE_BARRIER, i, 1);
	wait_announced(64);
	recorder_release(&rec, 2);
	answered(2, BLKIF_RSP_OKAY);
	for (unsigned i = 0; i < 32; i++) {
		answered(0, BLKIF_RSP_OKAY);
		answered(1, BLKIF_RSP_OKAY);
	}
	stop_all();
	assert_int_equal(rec.submitted, 1 + 64 * 3);
	for (unsigned i = 1; i < 32; i++)
		for (unsigned ring = 0; ring < 2; ring++)
			assert_true(at(BLK_WRITE, true, ring * PER_RING + i - 1, 0) <
				    at(BLK_WRITE, false, ring * PER_RING + i, 0));
}

/* --- at random: no two things that a barrier orders are ever in the wrong order --- */

#define ROUNDS 60
#define BURST 16

static bool is_barrier[QUEUES][PER_RING];

/* While a barrier runs, of any ring, nothing that it orders does. */
static void replay(void)
{
	unsigned running = 0, writes = 0;
	bool inside = false;

	for (unsigned i = 0; i < rec.events; i++) {
		const struct recorder_event *e = &rec.event[i];
		unsigned ring = e->sector / PER_RING, seq = e->sector % PER_RING;

		if (e->op == BLK_READ)
			continue;
		if (e->op == BLK_FLUSH) {
			if (!e->done && running)
				fail_msg("a barrier ran beside %u changes", running);
			/* With data every second end of a flush is the end of a barrier. */
			if (e->done)
				inside = !inside;
			continue;
		}
		if (is_barrier[ring][seq]) {
			assert_true(inside);
			continue;
		}
		if (inside)
			fail_msg("a change of ring %u ran inside a barrier", ring);
		running += e->done ? -1 : 1;
		writes += e->done;
	}
	assert_int_equal(running, 0);
	assert_int_equal(writes + count(BLK_FLUSH) / 2, nrigs * ROUNDS * BURST - count(BLK_READ));
}

/* In its own ring a barrier comes after all with smaller numbers and before the others. */
static void replay_ring(unsigned ring)
{
	unsigned last_barrier = 0;
	bool any = false;

	for (unsigned i = 0; i < rec.events; i++) {
		const struct recorder_event *e = &rec.event[i];
		unsigned seq = e->sector % PER_RING;

		if (e->op == BLK_FLUSH || e->op == BLK_READ || e->sector / PER_RING != ring)
			continue;
		if (any && seq < last_barrier)
			fail_msg("ring %u: change %u after barrier %u", ring, seq, last_barrier);
		if (is_barrier[ring][seq]) {
			last_barrier = seq;
			any = true;
		}
	}
}

static uint8_t random_operation(unsigned ring, unsigned seq)
{
	unsigned x = (unsigned)rand() % 16;

	is_barrier[ring][seq] = x == 0;
	return x == 0 ? BLKIF_OP_WRITE_BARRIER : x < 4 ? BLKIF_OP_READ :
		x < 7 ? BLKIF_OP_DISCARD : BLKIF_OP_WRITE;
}

static void many_at_random(void **state)
{
	srand(7);
	memset(is_barrier, 0, sizeof(is_barrier));
	start(QUEUES);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < BURST * QUEUES; i++) {
			unsigned ring = i % QUEUES, seq = round * BURST + i / QUEUES;
			uint8_t op = random_operation(ring, seq);

			put(ring, op, seq, op == BLKIF_OP_DISCARD ? 0 : 1);
		}
		for (unsigned i = 0; i < BURST * QUEUES; i++)
			answered(i % QUEUES, BLKIF_RSP_OKAY);
	}
	nrigs = QUEUES;
	stop_all();
	nrigs = QUEUES;
	replay();
	for (unsigned ring = 0; ring < QUEUES; ring++)
		replay_ring(ring);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(with_data_over_one_ring),
		T(with_data_over_two_rings),
		T(with_data_over_four_rings),
		T(without_data_over_one_ring),
		T(without_data_over_four_rings),
		T(reads_and_flushes_pass_a_pending_barrier),
		T(discards_are_ordered_as_writes_are),
		T(two_barriers_on_different_rings),
		T(mini_os_barriers_in_a_row_with_the_same_id),
		T(failed_flush_before_the_data),
		T(failed_data),
		T(a_barrier_whose_grant_is_bad_lets_others_go_on),
		T(disconnect_with_barriers_pending_answers_all),
		T(a_broken_ring_does_not_hold_up_a_barrier),
		T(an_idle_ring_is_woken_and_not_kept_awake),
		T(not_offered_is_not_supported),
		T(a_ring_full_of_barriers),
		T(many_at_random),
	};

	return cmocka_run_group_tests_name("blk-barrier", tests, NULL, NULL);
}

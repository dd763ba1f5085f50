// SPDX-License-Identifier: MIT
/* From ring to storage to response: good requests, and a ring from start to stop. */
#include "config.h"
#include "tests/unit/blk-request-rig.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void check_read(enum blkif_abi abi, bool persistent, unsigned segments)
{
	struct blkif_req req;

	start_ring((struct rig_options){ .abi = abi, .persistent = persistent });
	req = rig_request(&rig, BLKIF_OP_READ, 16, segments);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	for (unsigned i = 0; i < segments; i++)
		assert_memory_equal(rig.data[i], mem.disk + 16 * 512 + i * 4096, 4096);
	stop_clean();
}

static void read_by_copy(void **state)
{
	check_read(BLKIF_ABI_NATIVE, false, 1);
}

static void read_by_persistent_grants(void **state)
{
	check_read(BLKIF_ABI_NATIVE, true, 11);
}

static void read_indirect_by_copy(void **state)
{
	check_read(BLKIF_ABI_NATIVE, false, 256);
}

static void read_indirect_by_persistent_grants(void **state)
{
	check_read(BLKIF_ABI_NATIVE, true, 256);
}

static void read_x86_32(void **state)
{
	check_read(BLKIF_ABI_X86_32, false, 11);
}

static void read_x86_32_indirect(void **state)
{
	check_read(BLKIF_ABI_X86_32, true, 64);
}

static void read_x86_64(void **state)
{
	check_read(BLKIF_ABI_X86_64, true, 11);
}

static void check_write(bool persistent, unsigned segments)
{
	struct blkif_req req;

	start_ring((struct rig_options){ .persistent = persistent });
	req = rig_request(&rig, BLKIF_OP_WRITE, 8, segments);
	for (unsigned i = 0; i < segments; i++)
		memset(rig.data[i], 'a' + i % 26, 4096);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	for (unsigned i = 0; i < segments; i++)
		assert_memory_equal(rig.data[i], mem.disk + 8 * 512 + i * 4096, 4096);
	stop_clean();
}

static void write_by_copy(void **state)
{
	check_write(false, 3);
}

static void write_by_persistent_grants(void **state)
{
	check_write(true, 3);
}

static void write_indirect_by_copy(void **state)
{
	check_write(false, 200);
}

static void write_indirect_by_persistent_grants(void **state)
{
	check_write(true, 200);
}

/* Parts of pages, in an order that is not the pages' own; the rest must stay as it was. */
static void check_partial(bool persistent)
{
	struct blkif_req req;

	start_ring((struct rig_options){ .persistent = persistent });
	req = rig_request(&rig, BLKIF_OP_READ, 100, 3);
	req.seg[0] = (struct blkif_segment){ RIG_DATA_GREF + 2, 7, 7 };
	req.seg[1] = (struct blkif_segment){ RIG_DATA_GREF + 0, 1, 3 };
	req.seg[2] = (struct blkif_segment){ RIG_DATA_GREF + 0, 5, 5 };
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	assert_memory_equal(rig.data[2] + 7 * 512, mem.disk + 100 * 512, 512);
	assert_memory_equal(rig.data[0] + 1 * 512, mem.disk + 101 * 512, 3 * 512);
	assert_memory_equal(rig.data[0] + 5 * 512, mem.disk + 104 * 512, 512);
	for (unsigned i = 0; i < 512; i++) {
		assert_int_equal(rig.data[0][i], 0);
		assert_int_equal(rig.data[0][4 * 512 + i], 0);
		assert_int_equal(rig.data[2][6 * 512 + i], 0);
	}
	stop_clean();
}

static void partial_pages_by_copy(void **state)
{
	check_partial(false);
}

static void partial_pages_by_persistent_grants(void **state)
{
	check_partial(true);
}

static void same_gref_twice_in_one_request_and_in_two(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ .persistent = true });
	for (int i = 0; i < 2; i++) {
		req = rig_request(&rig, BLKIF_OP_READ, 8 * i, 2);
		req.seg[0] = (struct blkif_segment){ RIG_DATA_GREF, 0, 3 };
		req.seg[1] = (struct blkif_segment){ RIG_DATA_GREF, 4, 7 };
		rig_put(&rig, &req);
	}
	rig_push(&rig);
	assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	assert_int_equal(fake_counts().mapped, 2); /* ring and data */
	stop_clean();
}

/* Rule 14: without negotiated persistence nothing is mapped when the answer arrives. */
static void rule14_nothing_stays_mapped_without_persistence(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ 0 });
	req = rig_request(&rig, BLKIF_OP_READ, 0, 64);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	assert_int_equal(fake_counts().mapped, 1); /* the ring */
	assert_int_equal(fake_counts().map_calls, 1);
	assert_true(fake_end_access(RIG_DATA_GREF));
	assert_true(fake_end_access(RIG_INDIRECT_GREF));
	stop_clean();
}

static void persistent_grants_are_mapped_once_and_released_at_disconnect(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ .persistent = true });
	for (int i = 0; i < 10; i++) {
		req = rig_request(&rig, i % 2 ? BLKIF_OP_WRITE : BLKIF_OP_READ, 0, 11);
		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	}
	assert_int_equal(fake_counts().map_calls, 2); /* the ring, and all pages at once */
	assert_int_equal(fake_counts().mapped, 12);
	assert_int_equal(fake_counts().copy_calls, 0);
	assert_false(fake_end_access(RIG_DATA_GREF));
	stop_clean();
	assert_true(fake_end_access(RIG_DATA_GREF));
}

/* A batch in one push: one mapping call, one kick, one event. */
static void a_sweep_maps_kicks_and_notifies_once(void **state)
{
	start_ring((struct rig_options){ .persistent = true });
	for (unsigned i = 0; i < 16; i++) {
		struct blkif_req req = rig_request(&rig, BLKIF_OP_READ, 0, 1);

		req.seg[0].gref = RIG_DATA_GREF + i;
		rig_put(&rig, &req);
	}
	rig_push(&rig);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	assert_int_equal(fake_counts().map_calls, 2);
	assert_int_equal(__atomic_load_n(&mem.kicks, __ATOMIC_RELAXED), 1);
	assert_int_equal(fake_counts().notifies, 1);
	stop_clean();
}

static void a_sweep_copies_once_per_direction(void **state)
{
	start_ring((struct rig_options){ 0 });
	for (unsigned i = 0; i < 8; i++) {
		struct blkif_req r = rig_request(&rig, BLKIF_OP_READ, 0, 2);
		struct blkif_req w = rig_request(&rig, BLKIF_OP_WRITE, 800, 2);

		rig_put(&rig, &r);
		rig_put(&rig, &w);
	}
	rig_push(&rig);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	assert_int_equal(fake_counts().copy_calls, 2);
	assert_int_equal(fake_counts().copy_ops, 32);
	stop_clean();
}

/* More than the bounce arena holds at a time: they wait for room and all are served. */
static void copies_beyond_the_arena_wait_for_room(void **state)
{
	unsigned n = 0;

	start_ring((struct rig_options){ .order = 1 });
	mem_set(&mem.hold, true);
	for (; n < 64; n++) {
		struct blkif_req req = rig_request(&rig, BLKIF_OP_READ, n, 256);

		rig_put(&rig, &req);
	}
	rig_push(&rig);
	while (__atomic_load_n(&mem.submitted, __ATOMIC_ACQUIRE) < 8) /* 2048 pages */
		usleep(1000);
	mem_driver_release(&mem);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	stop_clean();
}

static void requests_complete_out_of_order_with_the_right_ids(void **state)
{
	struct blkif_req a, b;
	struct blkif_rsp rsp;

	start_ring((struct rig_options){ .persistent = true });
	mem_set(&mem.hold, true);
	a = rig_request(&rig, BLKIF_OP_WRITE, 0, 1);
	rig_put(&rig, &a);
	rig_push(&rig);
	while (!__atomic_load_n(&mem.submitted, __ATOMIC_ACQUIRE))
		usleep(1000);
	/* Refused at once, while the write is held. */
	b = rig_request(&rig, BLKIF_OP_READ, RIG_SECTORS, 1);
	rig_put(&rig, &b);
	rig_push(&rig);
	rsp = rig_get(&rig);
	assert_int_equal(rsp.id, b.id);
	assert_int_equal(rsp.status, BLKIF_RSP_ERROR);
	mem_driver_release(&mem);
	rsp = rig_get(&rig);
	assert_int_equal(rsp.id, a.id);
	assert_int_equal(rsp.status, BLKIF_RSP_OKAY);
	stop_clean();
}

/* --- life --- */

static void stop_answers_what_was_taken(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ .persistent = true });
	mem_set(&mem.hold, true);
	req = rig_request(&rig, BLKIF_OP_WRITE, 0, 1);
	rig_put(&rig, &req);
	rig_push(&rig);
	while (!__atomic_load_n(&mem.submitted, __ATOMIC_ACQUIRE))
		usleep(1000);
	queue_stop(rig.queue);
	usleep(20000);
	assert_false(queue_has_ended(rig.queue));
	mem_driver_release(&mem);
	assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	stop_clean();
}

static void requests_put_before_the_event_channel_was_bound_are_served(void **state)
{
	struct blkif_req req;

	start_ring((struct rig_options){ .poll_us = 50 });
	req = rig_request(&rig, BLKIF_OP_READ, 0, 1);
	assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	stop_clean();
}

/* Whoever looked for work would take the CPU from what it waits for. */
static void a_queue_does_not_look_for_work_while_a_server_has_some(void **state)
{
	static const struct blk_info served = { .size = RIG_SECTORS * 512, .block_size = 512,
		.physical_size = 512, .max_iov = 64, .flags = BLK_INFO_SERVED };
	uint64_t looks;

	start_ring((struct rig_options){ .poll_us = 1000, .info = &served });
	mem_set(&mem.hold, true);
	for (unsigned i = 1; i <= 4; i++) {
		struct blkif_req req = rig_request(&rig, BLKIF_OP_READ, i, 1);

		rig_put(&rig, &req);
		rig_push(&rig);
		while (mem_get(&mem.submitted) < i)
			usleep(1000);
		if (i == 1)
			looks = rig_metric(&rig, QUEUE_POLL_HITS) + rig_metric(&rig, QUEUE_POLL_MISSES);
	}
	assert_int_equal(rig_metric(&rig, QUEUE_POLL_HITS) + rig_metric(&rig, QUEUE_POLL_MISSES), looks);
	mem_driver_release(&mem);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	stop_clean();
}

/* As on a kernel before Linux 5.19: what was armed is taken out piece by piece, and the io_uring stays. */
static void polls_are_cancelled_one_by_one(void **state)
{
	start_ring((struct rig_options){ .poll_us = 0 });
	rig.shared.slot[0].one_by_one = true;
	stop_clean();
}

static void ring_of_sixteen_pages(void **state)
{
	start_ring((struct rig_options){ .order = 4, .persistent = true, .poll_us = 50 });
	assert_int_equal(rig.ring.nr, 512);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 512; i++) {
			struct blkif_req req = rig_request(&rig, BLKIF_OP_READ, i, 1);

			req.seg[0].gref = RIG_DATA_GREF + i;
			rig_put(&rig, &req);
		}
		rig_push(&rig);
		for (unsigned i = 0; i < 512; i++)
			assert_int_equal(rig_get(&rig).status, BLKIF_RSP_OKAY);
	}
	assert_int_equal(rig_metric(&rig, QUEUE_READS), 2560);
	stop_clean();
}

static void many_rounds_with_polling(void **state)
{
	start_ring((struct rig_options){ .persistent = true, .poll_us = 50 });
	for (unsigned i = 0; i < 5000; i++) {
		struct blkif_req req = rig_request(&rig, BLKIF_OP_READ, i % 1000, 1);

		assert_int_equal(rig_do(&rig, &req), BLKIF_RSP_OKAY);
	}
	stop_clean();
}

static void a_ring_that_cannot_be_mapped_leaves_nothing(void **state)
{
	struct queue_shared shared;
	struct queue_setup setup = {
		.domid = FAKE_FRONTEND,
		.nodes = { .ring_ref = { 99 }, .event_channel = FAKE_REMOTE_PORT },
	};
	struct queue *q;
	char why[200];

	queue_shared_init(&shared);
	assert_int_equal(queue_create(&shared, &setup, &q, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "grant 99"));
	fake_grant_ring(RIG_RING_GREF, 1);
	setup.nodes.ring_ref[0] = RIG_RING_GREF;
	setup.nodes.event_channel = 1234;
	assert_int_equal(queue_create(&shared, &setup, &q, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "event channel 1234"));
	queue_shared_dispose(&shared);
}

#define T(f) cmocka_unit_test_setup_teardown(f, request_setup, request_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(read_by_copy),
		T(read_by_persistent_grants),
		T(read_indirect_by_copy),
		T(read_indirect_by_persistent_grants),
		T(read_x86_32),
		T(read_x86_32_indirect),
		T(read_x86_64),
		T(write_by_copy),
		T(write_by_persistent_grants),
		T(write_indirect_by_copy),
		T(write_indirect_by_persistent_grants),
		T(partial_pages_by_copy),
		T(partial_pages_by_persistent_grants),
		T(same_gref_twice_in_one_request_and_in_two),
		T(rule14_nothing_stays_mapped_without_persistence),
		T(persistent_grants_are_mapped_once_and_released_at_disconnect),
		T(a_sweep_maps_kicks_and_notifies_once),
		T(a_sweep_copies_once_per_direction),
		T(copies_beyond_the_arena_wait_for_room),
		T(requests_complete_out_of_order_with_the_right_ids),
		T(stop_answers_what_was_taken),
		T(requests_put_before_the_event_channel_was_bound_are_served),
		T(a_queue_does_not_look_for_work_while_a_server_has_some),
		T(polls_are_cancelled_one_by_one),
		T(ring_of_sixteen_pages),
		T(many_rounds_with_polling),
		T(a_ring_that_cannot_be_mapped_leaves_nothing),
	};

	return cmocka_run_group_tests_name("blk-request", tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/* The block frontend with several queues, and what only a few disks offer. */
#include "config.h"
#include "tests/unit/blkfront-test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define front(name) fake_get(FAKE_FRONT "/" name)

static struct blkfront *open_queues(unsigned queues)
{
	return test_open_with((struct blkfront_config){ .queues = queues, .max_segments = 11 });
}

static struct blkfront_io *start_on(struct blkfront_queue *q, enum blkfront_op op, uint64_t offset,
	uint64_t length)
{
	struct blkfront_io *io = blkfront_queue_get(q);

	assert_non_null(io);
	io->op = op;
	io->offset = offset;
	io->length = length;
	io->done = NULL;
	assert_int_equal(blkfront_queue_submit(q, io), 0);
	assert_int_equal(blkfront_queue_kick(q), 0);
	return io;
}

/* ---- the handshake ---- */

static void test_nodes(void **state)
{
	struct blkfront *bf = open_queues(3);

	assert_int_equal(blkfront_get_info(bf)->queues, 3);
	assert_string_equal(front("multi-queue-num-queues"), "3");
	assert_null(front("ring-ref"));
	assert_null(front("event-channel"));
	assert_string_equal(front("queue-0/event-channel"), "9");
	assert_string_equal(front("queue-1/event-channel"), "10");
	assert_string_equal(front("queue-2/event-channel"), "11");
	assert_non_null(front("queue-2/ring-ref"));
	assert_null(front("queue-3/ring-ref"));
	assert_string_not_equal(front("queue-0/ring-ref"), front("queue-1/ring-ref"));
	assert_non_null(blkfront_queue(bf, 2));
	assert_null(blkfront_queue(bf, 3));
	blkfront_close(bf);
}

/* ring-page-order belongs to the device even when the rings have directories. */
static void test_nodes_large_rings(void **state)
{
	struct blkfront *bf = test_open_with((struct blkfront_config){ .queues = 2,
		.ring_order = 1, .max_segments = 11 });

	assert_string_equal(front("ring-page-order"), "1");
	assert_null(front("queue-0/ring-page-order"));
	assert_non_null(front("queue-1/ring-ref1"));
	assert_null(front("queue-1/ring-ref"));
	assert_int_equal(blkfront_get_info(bf)->depth, 64);
	blkfront_close(bf);
}

static void test_one_queue_is_flat(void **state)
{
	struct blkfront *bf;

	backend_node("multi-queue-max-queues", "1");
	bf = open_queues(4);
	assert_int_equal(blkfront_get_info(bf)->queues, 1);
	assert_null(front("multi-queue-num-queues"));
	assert_non_null(front("ring-ref"));
	assert_null(front("queue-0/ring-ref"));
	assert_int_equal(test_run(bf, BLKFRONT_READ, 0, 512), 0);
	blkfront_close(bf);
}

static void test_not_offered(void **state)
{
	struct blkfront *bf;

	backend_node("multi-queue-max-queues", NULL);
	bf = open_queues(4);
	assert_int_equal(blkfront_get_info(bf)->queues, 1);
	blkfront_close(bf);
}

static void test_cut_to_the_offer(void **state)
{
	struct blkfront *bf = open_queues(100);

	assert_int_equal(blkfront_get_info(bf)->queues, 4);
	blkfront_close(bf);
}

static void test_bad_offers(void **state)
{
	static const char *const bad[] = { "0", "-1", "4294967296", "many", "2 " };
	void *none = NULL;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		test_setup(&none);
		backend_node("multi-queue-max-queues", bad[i]);
		print_message("# %s\n", bad[i]);
		assert_null(open_queues(2));
		assert_int_equal(errno, EPROTO);
		assert_non_null(strstr(test_why, "multi-queue-max-queues"));
		assert_int_equal(fakes.shared, 0);
		assert_int_equal(fakes.open_handles, 0);
	}
}

/* The pools of all queues together must fit the domain's limit. */
static void test_grant_limit(void **state)
{
	struct blkfront *bf;

	fakes.grant_limit = 2048;
	bf = test_open_with((struct blkfront_config){ .queues = 2, .max_segments = 256 });
	assert_non_null(bf);
	assert_int_equal(blkfront_get_info(bf)->max_segments, 16);
	assert_int_equal(fakes.shared, 2 + 2 * 32 * 17);
	blkfront_close(bf);
}

/* ---- data ---- */

static void test_each_its_own_ring(void **state)
{
	struct blkfront *bf = open_queues(4);

	for (unsigned i = 0; i < 4; i++) {
		struct blkfront_queue *q = blkfront_queue(bf, i);
		struct blkfront_io *io = blkfront_queue_get(q);

		io->op = BLKFRONT_WRITE;
		io->offset = i * 4096;
		io->length = 4096;
		io->done = NULL;
		memset(io->data, 'a' + i, 4096);
		assert_int_equal(blkfront_queue_submit(q, io), 0);
		assert_int_equal(blkfront_queue_wait(q, 2000), 1);
		assert_int_equal(io->error, 0);
		assert_int_equal(backend.served_on[i], 1);
		blkfront_queue_put(q, io);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(backend.disk[i * 4096 + 4095], 'a' + i);
	blkfront_close(bf);
}

static void test_event_of_another_queue(void **state)
{
	struct blkfront *bf = open_queues(2);
	struct blkfront_queue *q0 = blkfront_queue(bf, 0), *q1 = blkfront_queue(bf, 1);
	struct pollfd fds[2] = { { .fd = blkfront_queue_fd(q0), .events = POLLIN },
		{ .fd = blkfront_queue_fd(q1), .events = POLLIN } };
	struct blkfront_io *io;

	backend.serve = false;
	io = start_on(q1, BLKFRONT_READ, 0, 512);
	assert_int_equal(blkfront_queue_wait(q0, 0), 0);
	assert_int_equal(blkfront_queue_wait(q1, 0), 0);
	backend_serve_queue(1);
	assert_int_equal(poll(fds, 2, 2000), 1);
	assert_true(fds[1].revents & POLLIN);
	assert_int_equal(blkfront_queue_wait(q1, 0), 1);
	assert_int_equal(io->error, 0);
	blkfront_close(bf);
}

/* ---- the end ---- */

struct sleeper {
	struct blkfront_queue *q;
	int rc;
};

static void *sleep_on(void *opaque)
{
	struct sleeper *s = opaque;

	s->rc = blkfront_queue_wait(s->q, -1);
	return NULL;
}

/* Nothing else ends the other's sleep: without the wake-up this test hangs. */
static void test_one_broken_ring_ends_all(void **state)
{
	struct blkfront *bf = open_queues(2);
	struct sleeper s = { .q = blkfront_queue(bf, 1) };
	struct blkfront_io *io0, *io1;
	pthread_t thread;

	backend.serve = false;
	io0 = start_on(blkfront_queue(bf, 0), BLKFRONT_READ, 0, 512);
	io1 = start_on(s.q, BLKFRONT_READ, 0, 512);
	assert_int_equal(pthread_create(&thread, NULL, sleep_on, &s), 0);
	backend_set_rsp_prod(1000);
	assert_int_equal(blkfront_queue_wait(blkfront_queue(bf, 0), -1), -EIO);
	pthread_join(thread, NULL);
	assert_int_equal(s.rc, -EIO);
	assert_int_equal(io0->error, -EIO);
	assert_int_equal(io1->error, -EIO);
	assert_non_null(strstr(blkfront_why(bf), "more requests than there are"));
	assert_int_equal(blkfront_queue_submit(s.q, io1), -EIO);
	blkfront_close(bf);
}

/* A thread that only uses queue 1 finds a dead backend while it waits for answers. */
static void test_lost_without_queue_0(void **state)
{
	struct blkfront *bf = open_queues(2);
	struct blkfront_queue *q = blkfront_queue(bf, 1);
	struct blkfront_io *io;

	backend.serve = false;
	io = start_on(q, BLKFRONT_READ, 0, 512);
	backend_set_state(6);
	backend.deaf = true;
	assert_int_equal(blkfront_queue_wait(q, -1), -ENOTCONN);
	assert_int_equal(io->error, -ENOTCONN);
	blkfront_close(bf);
}

/* Each queue gets its last answers while the backend closes. */
static void test_closing(void **state)
{
	struct blkfront *bf = open_queues(2);
	struct blkfront_queue *q0 = blkfront_queue(bf, 0), *q1 = blkfront_queue(bf, 1);
	struct blkfront_io *io;

	backend.serve = false;
	io = start_on(q1, BLKFRONT_READ, 0, 512);
	backend_set_state(5);
	assert_int_equal(blkfront_queue_wait(q0, 0), -ENOTCONN);
	assert_true(strlen(blkfront_why(bf)) > 0);
	backend_serve_all();
	assert_int_equal(blkfront_queue_wait(q1, 2000), 1);
	assert_int_equal(io->error, 0);
	assert_int_equal(blkfront_queue_submit(q1, io), -ENOTCONN);
	blkfront_close(bf);
}

static void test_close_waits_for_all_queues(void **state)
{
	struct blkfront *bf = open_queues(3);

	for (unsigned i = 0; i < 3; i++) {
		struct blkfront_queue *q = blkfront_queue(bf, i);
		struct blkfront_io *io = blkfront_queue_get(q);

		io->op = BLKFRONT_WRITE;
		io->offset = i * 512;
		io->length = 512;
		memset(io->data, 0x5a, 512);
		assert_int_equal(blkfront_queue_submit(q, io), 0); /* not even kicked */
	}
	blkfront_close(bf);
	assert_int_equal(backend.disk[3 * 512 - 1], 0x5a);
	assert_int_equal(backend.served, 3);
}

/* ---- resize ---- */

static uint64_t told;

static void on_resize(void *opaque, uint64_t size)
{
	assert_ptr_equal(opaque, &told);
	told = size;
}

static void test_resize_is_told(void **state)
{
	struct blkfront *bf = test_open_with((struct blkfront_config){ .queues = 2,
		.resized = on_resize, .opaque = &told });

	told = 0;
	fake_set(FAKE_BACK "/sectors", "16384");
	backend_set_state(4);
	assert_int_equal(blkfront_wait(bf, 0), 0);
	assert_int_equal(told, 16384 * 512);
	assert_int_equal(blkfront_size(bf), 16384 * 512);
	told = 0;
	backend_set_state(4); /* the same again is no news */
	assert_int_equal(blkfront_wait(bf, 0), 0);
	assert_int_equal(told, 0);
	/* The other queue knows it, too: beyond the old end, not beyond the new. */
	blkfront_queue_put(blkfront_queue(bf, 1),
		start_on(blkfront_queue(bf, 1), BLKFRONT_READ, BACKEND_DISK_BYTES, 512));
	assert_int_equal(blkfront_queue_wait(blkfront_queue(bf, 1), 0), 1);
	blkfront_close(bf);
}

/* Under a load whose answers are always there no wait ever sleeps. */
static void test_resize_under_load(void **state)
{
	struct blkfront *bf = test_open();
	unsigned n = 0;

	fake_set(FAKE_BACK "/sectors", "16384");
	backend_set_state(4);
	for (; n < 2000 && blkfront_size(bf) == BACKEND_DISK_BYTES; n++)
		assert_int_equal(test_run(bf, BLKFRONT_READ, 0, 512), 0);
	assert_int_equal(blkfront_size(bf), 16384 * 512);
	assert_true(n > 1);
	blkfront_close(bf);
}

/* ---- kinds of requests ---- */

static int try_with(struct blkfront *bf, enum blkfront_op op, uint64_t length, bool secure)
{
	struct blkfront_io *io = blkfront_get(bf);
	int rc;

	io->op = op;
	io->offset = 0;
	io->length = length;
	io->secure = secure;
	io->done = NULL;
	rc = blkfront_submit(bf, io);
	if (rc == 0) {
		assert_int_equal(blkfront_wait(bf, 2000), 1);
		rc = io->error;
	}
	blkfront_put(bf, io);
	return rc;
}

static void test_secure_discard(void **state)
{
	struct blkfront *bf;

	backend_node("discard-secure", "1");
	bf = test_open();
	assert_true(blkfront_get_info(bf)->secure_discard);
	assert_int_equal(try_with(bf, BLKFRONT_DISCARD, 4096, true), 0);
	assert_int_equal(backend.last_flag, BLKIF_DISCARD_SECURE);
	/* The wish is the I/O's, not the buffer's. */
	assert_int_equal(test_run(bf, BLKFRONT_DISCARD, 0, 4096), 0);
	assert_int_equal(backend.last_flag, 0);
	blkfront_close(bf);
}

static void test_secure_discard_not_offered(void **state)
{
	struct blkfront *bf = test_open();

	assert_int_equal(try_with(bf, BLKFRONT_DISCARD, 4096, true), -EOPNOTSUPP);
	assert_int_equal(try_with(bf, BLKFRONT_DISCARD, 4096, false), 0);
	blkfront_close(bf);
}

static void test_barrier_with_data(void **state)
{
	struct blkfront *bf;

	backend_node("feature-barrier", "1");
	bf = test_open();
	assert_int_equal(try_with(bf, BLKFRONT_BARRIER, 11 * 4096, false), 0);
	assert_int_equal(backend.last_op, BLKIF_OP_WRITE_BARRIER);
	assert_int_equal(try_with(bf, BLKFRONT_BARRIER, 0, false), 0);
	/* There are no indirect barriers. */
	assert_int_equal(try_with(bf, BLKFRONT_BARRIER, 12 * 4096, false), -EINVAL);
	blkfront_close(bf);
}

static void test_4kn(void **state)
{
	struct blkfront *bf;

	backend_node("sector-size", "4096");
	bf = test_open();
	assert_int_equal(blkfront_get_info(bf)->sector_size, 4096);
	assert_int_equal(blkfront_get_info(bf)->size, BACKEND_DISK_BYTES); /* sectors are 512 bytes */
	assert_int_equal(try_with(bf, BLKFRONT_READ, 512, false), -EINVAL);
	assert_int_equal(try_with(bf, BLKFRONT_DISCARD, 512, false), -EINVAL);
	assert_int_equal(try_with(bf, BLKFRONT_READ, 8192, false), 0);
	assert_int_equal(backend.req.sector, 0);
	blkfront_close(bf);
}

/* ---- batches ---- */

static struct blkfront *again_bf;
static unsigned again_left;

static void again(struct blkfront_io *io)
{
	if (again_left && again_left--)
		assert_int_equal(blkfront_submit(again_bf, io), 0);
}

/* 32 answers, each of which is followed by another request. */
static void poll_batch(struct blkfront *bf)
{
	struct blkfront_io *io;

	backend.serve = false;
	again_bf = bf;
	again_left = 32;
	for (unsigned i = 0; i < 32; i++) {
		io = blkfront_get(bf);
		io->op = BLKFRONT_READ;
		io->offset = 0;
		io->length = 512;
		io->done = again;
		assert_int_equal(blkfront_submit(bf, io), 0);
	}
	assert_int_equal(blkfront_kick(bf), 0);
	backend_serve_all();
}

static uint32_t published(void)
{
	return ((volatile uint32_t *)fake_page(strtoul(front("ring-ref"), NULL, 10)))[0];
}

/* A backend that polls sees the first of a batch's successors while the rest is made. */
static void test_batches_overlap(void **state)
{
	struct blkfront *bf = test_open();
	volatile uint32_t *page = fake_page(strtoul(front("ring-ref"), NULL, 10));

	poll_batch(bf);
	page[1] = 1; /* req_event of long ago: it asks for no event */
	fakes.notifies = 0;
	assert_int_equal(blkfront_poll(bf), 32);
	assert_int_equal(fakes.notifies, 0);
	assert_true(published() >= 32 + 24);
	backend_serve_all();
	blkfront_close(bf);
}

/* One that sleeps is woken once, for all. */
static void test_batch_wakes_once(void **state)
{
	struct blkfront *bf = test_open();

	poll_batch(bf);
	fakes.notifies = 0;
	assert_int_equal(blkfront_poll(bf), 32);
	assert_int_equal(published(), 32);
	assert_int_equal(blkfront_kick(bf), 0);
	assert_int_equal(fakes.notifies, 1);
	assert_int_equal(published(), 64);
	backend_serve_all();
	blkfront_close(bf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nodes),
		TEST(test_nodes_large_rings),
		TEST(test_one_queue_is_flat),
		TEST(test_not_offered),
		TEST(test_cut_to_the_offer),
		TEST(test_bad_offers),
		TEST(test_grant_limit),
		TEST(test_each_its_own_ring),
		TEST(test_event_of_another_queue),
		TEST(test_one_broken_ring_ends_all),
		TEST(test_lost_without_queue_0),
		TEST(test_closing),
		TEST(test_close_waits_for_all_queues),
		TEST(test_resize_is_told),
		TEST(test_resize_under_load),
		TEST(test_secure_discard),
		TEST(test_secure_discard_not_offered),
		TEST(test_barrier_with_data),
		TEST(test_4kn),
		TEST(test_batches_overlap),
		TEST(test_batch_wakes_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: MIT
/*
 * Requests of an NBD disk, with a connection that the test plays: what its loss means for those that are done,
 * those that are under way and those that come, and how often it is made anew.
 */
#include "config.h"
#include "backends/blk/nbd-private.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SENT_MAX 16u

/* --- the connection ------------------------------------------------------------------ */

static nbd_completion_callback sent[SENT_MAX];
static unsigned nsent, begun;
static bool goes_away; /* in the next event */
static bool refuses, tells; /* what is sent, and calls back even so */
static int answer_first; /* what the oldest is answered with in that event; 1: nothing */
static struct nbd_export serves;
static struct nbd disk;
static struct blk_queue queue;

static struct nbd_queue *q(void)
{
	return queue.driver_private;
}

void nbd_link_begin(struct nbd_link *link, const struct nbd_server *server)
{
	begun++;
	link->phase = NBD_LINK_CONNECTING;
	link->handle = (struct nbd_handle *)&disk; /* never looked into */
}

uint32_t nbd_link_wants(const struct nbd_link *link, int *fd)
{
	*fd = -1;
	return 0;
}

bool nbd_link_check(struct nbd_link *link)
{
	return link->phase != NBD_LINK_DOWN;
}

void nbd_link_close(struct nbd_link *link)
{
	link->phase = NBD_LINK_DOWN;
	nsent = 0;
}

static void answer(unsigned i, int error)
{
	assert_int_equal(sent[i].callback(sent[i].user_data, &error), 1);
	memmove(&sent[i], &sent[i + 1], (--nsent - i) * sizeof(sent[0]));
}

/* As libnbd: a connection that dies answers what was under way. */
void nbd_link_event(struct nbd_link *link, uint32_t revents)
{
	if (link->phase == NBD_LINK_CONNECTING)
		link->phase = NBD_LINK_UP;
	if (answer_first <= 0)
		answer(0, -answer_first);
	answer_first = 1;
	while (goes_away && nsent)
		answer(0, ENOTCONN);
	if (goes_away)
		link->phase = NBD_LINK_DOWN;
	goes_away = false;
}

int nbd_link_export(struct nbd_link *link, struct nbd_export *e, char *why, size_t room)
{
	*e = serves;
	return 0;
}

static int64_t send_one(nbd_completion_callback done)
{
	int error = EINVAL;

	if (refuses && tells)
		done.callback(done.user_data, &error);
	if (refuses)
		return -1;
	assert_true(nsent < SENT_MAX);
	sent[nsent++] = done;
	return nsent;
}

int64_t nbd_aio_pread(struct nbd_handle *h, void *to, size_t n, uint64_t at, nbd_completion_callback done,
	uint32_t flags)
{
	return send_one(done);
}

int64_t nbd_aio_pwrite(struct nbd_handle *h, const void *from, size_t n, uint64_t at, nbd_completion_callback done,
	uint32_t flags)
{
	return send_one(done);
}

int64_t nbd_aio_flush(struct nbd_handle *h, nbd_completion_callback done, uint32_t flags)
{
	return send_one(done);
}

int64_t nbd_aio_trim(struct nbd_handle *h, uint64_t n, uint64_t at, nbd_completion_callback done, uint32_t flags)
{
	return send_one(done);
}

int64_t nbd_aio_zero(struct nbd_handle *h, uint64_t n, uint64_t at, nbd_completion_callback done, uint32_t flags)
{
	return send_one(done);
}

int nbd_get_errno(void)
{
	return EIO;
}

/* --- the guest ------------------------------------------------------------------------- */

static char memory[512];
static struct iovec pieces[4];
static struct blk_req reqs[4];

static struct blk_req *submit(unsigned i, enum blk_op op)
{
	struct blk_req *req = &reqs[i];

	pieces[i] = (struct iovec){ .iov_base = memory, .iov_len = sizeof(memory) };
	*req = (struct blk_req){ .op = op, .length = op == BLK_FLUSH ? 0 : sizeof(memory), .iov = &pieces[i],
		.niov = op <= BLK_WRITE, .error = 1 };
	nbd_queue_submit(&disk, &queue, req);
	nbd_queue_kick(&disk, &queue);
	return req;
}

static void happens(int first, bool away)
{
	answer_first = first;
	goes_away = away;
	nbd_queue_reap(&disk, &queue, 1);
}

static void time_passes(void)
{
	nbd_queue_reap(&disk, &queue, 0);
}

static void ages(struct blk_req *req, int64_t ms)
{
	((struct nbd_op *)req->driver_private)->since_ms -= ms;
}

static void connects_again(void)
{
	q()->retry_ms = 0;
	time_passes();
	assert_int_equal(q()->link.phase, NBD_LINK_CONNECTING);
	happens(1, false);
	assert_int_equal(q()->link.phase, NBD_LINK_UP);
}

static int setup(void **state)
{
	nsent = begun = 0;
	answer_first = 1;
	goes_away = refuses = tells = false;
	serves = (struct nbd_export){ .size = 1 << 20, .min_block = 512, .max_payload = 1 << 20, .flush = true,
		.multi = true };
	disk = (struct nbd){ .export = serves, .spare = { .fd = -1, .phase = NBD_LINK_UP } };
	disk.spare.handle = (struct nbd_handle *)&disk;
	disk.server.uri.timeout_s = 30;
	pthread_mutex_init(&disk.lock, NULL);
	queue = (struct blk_queue){ .depth = 4 };
	return nbd_queue_start(&disk, &queue);
}

static int teardown(void **state)
{
	nbd_queue_stop(&disk, &queue);
	pthread_mutex_destroy(&disk.lock);
	return 0;
}

/* --- tests ------------------------------------------------------------------------------- */

static void test_sent_again(void **state)
{
	struct blk_req *one = submit(0, BLK_WRITE), *two = submit(1, BLK_READ);

	happens(0, true);
	assert_int_equal(one->error, 0);
	assert_int_equal(two->error, 1);
	connects_again();
	assert_int_equal(nsent, 1);
	happens(0, false);
	assert_int_equal(two->error, 0);
}

/* A write that is done in the event that is the server's end is one that was not flushed. */
static void test_done_at_the_end(void **state)
{
	struct blk_req *one;

	disk.strict = true;
	submit(0, BLK_WRITE);
	happens(0, false);
	submit(0, BLK_FLUSH);
	happens(0, false);
	one = submit(0, BLK_WRITE);
	happens(0, true);
	assert_int_equal(one->error, 0);
	assert_int_equal(disk.failed, -EIO);
	assert_int_equal(submit(1, BLK_FLUSH)->error, -EIO);
}

static void test_all_flushed(void **state)
{
	disk.strict = true;
	submit(0, BLK_WRITE);
	happens(0, false);
	submit(0, BLK_FLUSH);
	happens(0, true);
	assert_int_equal(disk.failed, 0);
}

/* Where a failed write may spoil others, it is the last; a failed read spoils nothing. */
static void test_errors_are_last(void **state)
{
	struct blk_req *one;

	disk.errors_last = true;
	one = submit(0, BLK_READ);
	happens(-ENOSPC, false);
	assert_int_equal(one->error, -ENOSPC);
	assert_int_equal(disk.failed, 0);
	one = submit(0, BLK_WRITE);
	happens(-ENOSPC, false);
	assert_int_equal(one->error, -ENOSPC);
	assert_int_equal(disk.failed, -EIO);
	assert_int_equal(submit(1, BLK_READ)->error, -EIO);
}

/* What the server never got spoils nothing there. */
static void test_errors_that_are_not_the_servers(void **state)
{
	disk.errors_last = true;
	refuses = true;
	assert_int_equal(submit(0, BLK_WRITE)->error, -EIO);
	assert_int_equal(disk.failed, 0);
	tells = true;
	assert_int_equal(submit(0, BLK_ZEROES)->error, -EINVAL);
	assert_int_equal(disk.failed, 0);
	refuses = false;
	submit(0, BLK_WRITE);
	happens(-ENOSPC, false);
	assert_int_equal(disk.failed, -EIO);
}

static void test_silent(void **state)
{
	struct blk_req *one = submit(0, BLK_WRITE);

	ages(one, 31000);
	time_passes();
	assert_int_equal(begun, 1);
	assert_int_equal(one->error, -ETIMEDOUT);
}

/* It is slow, and lives: nothing is given up, and nothing is sent to it twice. */
static void test_own_server_is_slow(void **state)
{
	struct blk_poll poll = { .timeout_ms = -1 };
	struct blk_req *one;

	disk.own_server = true;
	one = submit(0, BLK_FLUSH);
	ages(one, 600000);
	nbd_queue_poll(&disk, &queue, &poll);
	assert_int_equal(poll.timeout_ms, -1);
	time_passes();
	assert_int_equal(q()->link.phase, NBD_LINK_UP);
	assert_int_equal(one->error, 1);
	/* When it has ended its successor has as long as anybody. */
	happens(1, true);
	connects_again();
	assert_int_equal(nsent, 1);
	happens(0, false);
	assert_int_equal(one->error, 0);
}

static void test_own_server_is_away(void **state)
{
	struct blk_req *one;

	disk.own_server = true;
	one = submit(0, BLK_READ);
	happens(1, true);
	ages(one, 31000);
	time_passes();
	assert_int_equal(one->error, -ETIMEDOUT);
}

/* A flush on one connection would not be one of what others wrote. */
static void test_no_multi_conn_any_more(void **state)
{
	happens(1, true);
	serves.multi = false;
	q()->retry_ms = 0;
	time_passes();
	happens(1, false);
	assert_int_equal(disk.failed, -EIO);
}

static void test_multi_conn_of_no_use(void **state)
{
	disk.strict = true;
	happens(1, true);
	serves.multi = false;
	connects_again();
	assert_int_equal(disk.failed, 0);
}

/* A server that greets and leaves is not asked without a pause. */
static void test_flapping(void **state)
{
	struct blk_req *one;

	happens(1, true);
	connects_again();
	happens(1, true);
	time_passes();
	assert_int_equal(q()->link.phase, NBD_LINK_DOWN);
	assert_int_equal(begun, 1);
	connects_again();
	assert_int_equal(q()->pause_ms, 100);
	/* One that does something is. */
	one = submit(0, BLK_READ);
	happens(0, false);
	assert_int_equal(one->error, 0);
	happens(1, true);
	time_passes();
	assert_int_equal(begun, 3);
}

/* Its other requests are answered; then it is left, and what it refused goes to its successor. */
static void test_server_leaves(void **state)
{
	struct blk_req *one = submit(0, BLK_WRITE), *two = submit(1, BLK_WRITE);

	happens(-ESHUTDOWN, false);
	assert_int_equal(q()->link.phase, NBD_LINK_UP);
	submit(2, BLK_READ);
	assert_int_equal(nsent, 1);
	happens(0, false);
	assert_int_equal(two->error, 0);
	assert_int_equal(q()->link.phase, NBD_LINK_DOWN);
	connects_again();
	assert_int_equal(nsent, 2);
	happens(0, false);
	happens(0, false);
	assert_int_equal(one->error, 0);
	assert_int_equal(reqs[2].error, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sent_again),
		TEST(test_done_at_the_end),
		TEST(test_all_flushed),
		TEST(test_errors_are_last),
		TEST(test_errors_that_are_not_the_servers),
		TEST(test_silent),
		TEST(test_own_server_is_slow),
		TEST(test_own_server_is_away),
		TEST(test_no_multi_conn_any_more),
		TEST(test_multi_conn_of_no_use),
		TEST(test_flapping),
		TEST(test_server_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

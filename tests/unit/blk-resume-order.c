// SPDX-License-Identifier: MIT
/*
 * What a successor does first: barriers and flushes that were under way when their backend was
 * killed, and a successor that is killed while it replays.
 */
#include "config.h"
#include "tests/unit/blk-recorder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/array.h"

#define DEVICE "backend/vbd/7/51712"
#define MOST 4u

/* What was in flight, in ring order; each one's journal entry is another. */
static struct blkif_req sent[MOST];
static unsigned nsent;
static const unsigned entry_of[MOST] = { 2, 0, 3, 1 };

static struct recorder rec;
static struct rig rig;
static struct journal *journal;
static int fd = -1;
/* What a first successor left when it died: NULL: there was none. */
static uint8_t *ring_copy;

static void open_journal(struct journal **j)
{
	char where[32];

	snprintf(where, sizeof(where), "fd:%d", dup(fd));
	assert_int_equal(journal_open(where, DEVICE, FAKE_FRONTEND, j), 0);
}

static void put_all(void)
{
	for (unsigned i = 0; i < nsent; i++)
		rig_put(&rig, &sent[i]);
	fake_sync();
	(void)ring_front_push(&rig.ring);
}

static void record_all(void)
{
	struct journal_ring identity = { .entries = rig.ring.nr, .slot_size = rig.ring.slot_size,
		.abi = BLKIF_ABI_NATIVE, .local_port = 99, .remote_port = FAKE_REMOTE_PORT,
		.ring_refs = 1, .ring_ref = { RIG_RING_GREF } };
	static const uint64_t storage[2];
	struct journal_queue jq;
	struct journal *mine = NULL;

	open_journal(&mine);
	journal_reset(mine, storage);
	assert_int_equal(journal_begin(mine, 0, &identity, &jq), 0);
	for (unsigned i = 0; i < nsent; i++)
		journal_take(&jq, entry_of[i], i,
			rig.ring.page + RING_HEADER_SIZE + i * rig.ring.slot_size, rig.ring.slot_size);
	journal_close(mine);
}

/* Lives, takes all that was sent, and is killed. */
static void predecessor(struct rig *r)
{
	put_all();
	if (ring_copy)
		memcpy(rig.ring.page, ring_copy, 4096);
	else
		record_all();
	open_journal(&rig.shared.journal);
	journal = rig.shared.journal;
}

static void start(void)
{
	rig_start(&rig, &(struct rig_options){ .driver = &recorder_driver, .driver_state = &rec,
		.persistent = true, .barrier = true, .predecessor = predecessor,
		.info = &(struct blk_info){ .size = RIG_SECTORS * 512, .block_size = 512,
			.physical_size = 512, .max_iov = 1024, .flags = BLK_INFO_FLUSH } });
}

static void stop(void)
{
	assert_null(rig_stop(&rig));
	journal_close(journal);
	journal = NULL;
}

static void send_one(uint8_t op, uint64_t sector, unsigned segments)
{
	struct blkif_req req = { .operation = op, .nr_segments = segments, .id = nsent, .sector = sector };

	if (segments)
		req.seg[0] = (struct blkif_segment){ RIG_DATA_GREF + nsent, 0, 0 };
	sent[nsent++] = req;
}

static int setup(void **state)
{
	fake_reset();
	recorder_init(&rec);
	nsent = 0;
	ring_copy = NULL;
	fd = memfd_create("journal", MFD_CLOEXEC);
	return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	recorder_fini(&rec);
	close(fd);
	return 0;
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

static void each_answered(unsigned n, int status)
{
	bool seen[MOST + 1] = { false };

	for (unsigned i = 0; i < n; i++) {
		struct blkif_rsp rsp = rig_get(&rig);

		assert_true(rsp.id < n && !seen[rsp.id]);
		seen[rsp.id] = true;
		assert_int_equal(rsp.status, status);
	}
	assert_int_equal(ring_front_pending(&rig.ring), 0);
}

/* --- order ----------------------------------------------------------------------------------- */

static void a_barrier_is_one_in_the_replay_and_to_what_comes_new(void **state)
{
	struct blkif_req more;

	send_one(BLKIF_OP_WRITE, 1, 1);
	send_one(BLKIF_OP_WRITE_BARRIER, 2, 1);
	send_one(BLKIF_OP_WRITE, 3, 1);
	start();
	more = rig_request(&rig, BLKIF_OP_WRITE, 4, 1);
	more.id = 3;
	more.seg[0].last_sect = 0;
	rig_put(&rig, &more);
	rig_push(&rig);
	each_answered(4, BLKIF_RSP_OKAY);
	stop();
	assert_true(at(BLK_WRITE, true, 1, 0) < at(BLK_FLUSH, false, -1, 0));
	assert_true(at(BLK_FLUSH, true, -1, 0) < at(BLK_WRITE, false, 2, 0));
	assert_true(at(BLK_WRITE, true, 2, 0) < at(BLK_FLUSH, false, -1, 1));
	assert_true(at(BLK_FLUSH, true, -1, 1) < at(BLK_WRITE, false, 3, 0));
	assert_true(at(BLK_FLUSH, true, -1, 1) < at(BLK_WRITE, false, 4, 0));
}

static void replay_keeps_the_order_of_the_ring(void **state)
{
	for (unsigned i = 0; i < MOST; i++)
		send_one(BLKIF_OP_WRITE, 8 - i, 1);
	start();
	each_answered(MOST, BLKIF_RSP_OKAY);
	stop();
	for (unsigned i = 0; i + 1 < MOST; i++)
		assert_true(at(BLK_WRITE, false, 8 - i, 0) < at(BLK_WRITE, false, 7 - i, 0));
}

/* --- flushes --------------------------------------------------------------------------------- */

static void a_flush_in_flight_is_done_again(void **state)
{
	send_one(BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	start();
	each_answered(1, BLKIF_RSP_OKAY);
	stop();
	assert_int_equal(count(BLK_FLUSH), 1);
}

/* Whether the first one failed nobody knows; the second one's word is what counts. */
static void one_that_fails_the_second_time_has_failed(void **state)
{
	struct blkif_req more;

	send_one(BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	recorder_fail(&rec, BLK_FLUSH, -EIO);
	start();
	each_answered(1, BLKIF_RSP_ERROR);
	/* And is not forgotten. */
	recorder_fail(&rec, BLK_FLUSH, 0);
	more = rig_request(&rig, BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	assert_int_equal(rig_do(&rig, &more), BLKIF_RSP_ERROR);
	stop();
}

/* It is for writes that were answered before it was sent, of which the storage has all. */
static void a_flush_is_not_answered_before_storage_says_so(void **state)
{
	send_one(BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	send_one(BLKIF_OP_WRITE, 1, 1);
	recorder_hold(&rec, 0);
	start();
	recorder_wait(&rec, 2);
	usleep(20000);
	assert_int_equal(ring_front_pending(&rig.ring), 0);
	recorder_release(&rec, 0);
	each_answered(2, BLKIF_RSP_OKAY);
	stop();
}

/* --- killed again ------------------------------------------------------------------------------ */

/* As the first successor's death leaves it: its journal and its ring at this moment. */
static void copy_remains(uint8_t ring[4096], int *copy)
{
	static uint8_t bytes[1 << 20];
	size_t size = journal_file_size();

	assert_true(size <= sizeof(bytes));
	*copy = memfd_create("journal", MFD_CLOEXEC);
	assert_int_equal(pread(fd, bytes, size, 0), size);
	assert_int_equal(pwrite(*copy, bytes, size, 0), size);
	memcpy(ring, rig.ring.page, 4096);
}

static void a_successor_that_is_killed_in_its_replay_has_one(void **state)
{
	static uint8_t ring[4096];
	int copy = -1;

	for (unsigned i = 0; i < MOST; i++)
		send_one(BLKIF_OP_WRITE, i + 1, 1);
	recorder_hold(&rec, 0);
	start();
	recorder_wait(&rec, MOST);
	copy_remains(ring, &copy);
	recorder_release(&rec, 0);
	each_answered(MOST, BLKIF_RSP_OKAY);
	stop();

	fake_reset();
	recorder_fini(&rec);
	recorder_init(&rec);
	ring_copy = ring;
	close(fd);
	fd = copy;
	start();
	each_answered(MOST, BLKIF_RSP_OKAY);
	stop();
	assert_int_equal(count(BLK_WRITE), MOST);
	/* Each may be what killed it: one at a time now, in their order. */
	for (unsigned i = 0; i + 1 < MOST; i++)
		assert_true(at(BLK_WRITE, true, i + 1, 0) < at(BLK_WRITE, false, i + 2, 0));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_barrier_is_one_in_the_replay_and_to_what_comes_new),
		T(replay_keeps_the_order_of_the_ring),
		T(a_flush_in_flight_is_done_again),
		T(one_that_fails_the_second_time_has_failed),
		T(a_flush_is_not_answered_before_storage_says_so),
		T(a_successor_that_is_killed_in_its_replay_has_one),
	};

	return cmocka_run_group_tests_name("blk-resume-order", tests, NULL, NULL);
}

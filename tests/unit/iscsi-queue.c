// SPDX-License-Identifier: MIT
/*
 * Requests of an iSCSI disk, with a session that the test plays: what is sent, sent again and when, what a
 * lost session, an odd answer and no answer at all mean for a request.
 */
#include "config.h"
#include "backends/blk/drv-iscsi.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"

#define SENT_MAX 64u

/* --- the session ------------------------------------------------------------------ */

static struct sent {
	uint8_t cdb[LUN_CDB];
	struct scsi_task *task;
	struct scsi_iovec *iov;
	uint32_t length;
	iscsi_command_cb done;
	void *opaque;
} sent[SENT_MAX];
static unsigned nsent, ups, downs, resized, nops, unanswered;
static bool fence;
static int64_t now_ms;
static struct iscsi_disk disk;
static struct blk_queue queue;

int64_t iscsi_now_ms(void)
{
	return now_ms;
}

void iscsi_link_up(struct iscsi_link *l)
{
	ups++;
	l->connections++;
	fence = l->fence;
	l->iscsi = (struct iscsi_context *)&disk; /* never looked into */
	l->step = ISCSI_CONNECTING;
	l->deadline_ms = now_ms + 5000;
}

/* One answer; the commands stay where they are in the list. */
static void answer(unsigned i, int status, unsigned key, unsigned code)
{
	struct scsi_task *task = sent[i].task;

	assert_non_null(task);
	sent[i].task = NULL;
	task->sense.key = key;
	task->sense.ascq = (int)code;
	sent[i].done(NULL, status, task, sent[i].opaque);
}

void iscsi_link_down(struct iscsi_link *l)
{
	downs++;
	l->step = ISCSI_DOWN;
	l->iscsi = NULL;
	for (unsigned i = 0; i < nsent; i++)
		if (sent[i].task)
			answer(i, SCSI_STATUS_CANCELLED, 0, 0);
}

void iscsi_link_fail(struct iscsi_link *l, int error, const char *fmt, ...)
{
	l->step = ISCSI_LOST;
	l->error = error;
}

void iscsi_link_service(struct iscsi_link *l, int revents)
{
}

void iscsi_link_check_time(struct iscsi_link *l)
{
	if (l->step == ISCSI_CONNECTING && now_ms >= l->deadline_ms)
		l->step = ISCSI_LOST;
}

struct scsi_task *iscsi_link_send(struct iscsi_link *l, const uint8_t *cdb, unsigned cdb_size, int direction,
	struct scsi_iovec *iov, unsigned niov, uint32_t length, iscsi_command_cb done, void *opaque)
{
	struct sent *s = &sent[nsent++];

	assert_true(nsent < SENT_MAX);
	memset(s, 0, sizeof(*s));
	memcpy(s->cdb, cdb, cdb_size);
	s->task = calloc(1, sizeof(*s->task));
	s->iov = iov;
	s->length = length;
	s->done = done;
	s->opaque = opaque;
	return s->task;
}

int iscsi_get_fd(struct iscsi_context *iscsi)
{
	return 5;
}

int iscsi_which_events(struct iscsi_context *iscsi)
{
	return POLLIN;
}

int iscsi_nop_out_async(struct iscsi_context *iscsi, iscsi_command_cb cb, unsigned char *data, int len,
	void *private_data)
{
	nops++;
	unanswered++;
	return 0;
}

int iscsi_get_nops_in_flight(struct iscsi_context *iscsi)
{
	return (int)unanswered;
}

void iscsi_link_free(struct iscsi_link *l, struct scsi_task *task, int status)
{
	free(task);
}

/* --- the core ------------------------------------------------------------------------ */

static struct blk_post *posted;

void blk_queue_post(struct blk_queue *q, struct blk_post *post)
{
	posted = post;
}

void blk_queue_resized(struct blk_queue *q)
{
	resized++;
}

static struct blk_req reqs[8];
static struct iovec iovs[8];
static uint8_t data[4096];

static int begin(void **state)
{
	uint8_t capacity[32] = { 0 };
	const uint8_t b2[8] = { 0, 0xb2, 0, 4, 0, 0xc4, 2, 0 };
	char why[64];

	memset(&disk, 0, sizeof(disk));
	memset(sent, 0, sizeof(sent));
	nsent = ups = downs = resized = nops = unanswered = 0;
	now_ms = 1000000;
	lun_put(capacity, 2047, 8);
	lun_put(capacity + 8, 512, 4);
	capacity[14] = 0xc0;
	assert_int_equal(lun_parse_capacity(capacity, 32, &disk.lun, why, sizeof(why)), 0);
	lun_parse_page(b2, sizeof(b2), &disk.lun);
	disk.size = 2048 * 512;
	disk.uri.timeout_s = 60;
	disk.exclusive = true;
	disk.link.fenced = true; /* when it was attached */
	disk.link.setup = &disk.setup;
	pthread_mutex_init(&disk.mutex, NULL);
	iscsi_link_up(&disk.link);
	disk.link.step = ISCSI_READY;
	queue = (struct blk_queue){ .depth = 32 };
	assert_int_equal(iscsi_queue_start(&disk, &queue), 0);
	/* It looks at the size first. */
	assert_int_equal(nsent, 1);
	assert_int_equal(sent[0].cdb[0], 0x9e);
	memcpy(sent[0].iov->iov_base, capacity, 32);
	answer(0, SCSI_STATUS_GOOD, 0, 0);
	assert_int_equal(resized, 0);
	nsent = ups = 0;
	return 0;
}

static int end(void **state)
{
	iscsi_link_down(&disk.link);
	iscsi_queue_stop(&disk, &queue);
	pthread_mutex_destroy(&disk.mutex);
	return 0;
}

static void submit(unsigned i, enum blk_op op, uint64_t offset, uint64_t length)
{
	iovs[i] = (struct iovec){ data, length };
	reqs[i] = (struct blk_req){ .op = op, .offset = offset, .length = length, .iov = &iovs[i], .niov = 1,
		.error = 1 };
	iscsi_queue_submit(&disk, &queue, &reqs[i]);
}

static void pass(int64_t ms)
{
	now_ms += ms;
	iscsi_queue_reap(&disk, &queue, 0);
}

/* It is connected, or that ends otherwise, and the driver looks. */
static void become(enum iscsi_step step)
{
	disk.link.step = step;
	iscsi_queue_reap(&disk, &queue, POLLIN);
}

static void sent_is(unsigned i, uint8_t opcode, uint64_t block)
{
	assert_true(i < nsent);
	assert_int_equal(sent[i].cdb[0], opcode);
	assert_int_equal(lun_get(sent[i].cdb + 2, 8), block);
}

/* 1 is: not done. */
static void done_is(unsigned i, int error)
{
	assert_int_equal(reqs[i].error, error);
}

/* --- what is tested ----------------------------------------------------------------------- */

static void commands_and_data(void **state)
{
	submit(0, BLK_WRITE, 1024, 4096);
	submit(1, BLK_FLUSH, 0, 0);
	submit(2, BLK_DISCARD, 512, 1024);
	submit(3, BLK_ZEROES, 512, 1024);
	assert_int_equal(nsent, 0);
	iscsi_queue_kick(&disk, &queue);
	assert_int_equal(nsent, 4);
	sent_is(0, 0x8a, 2);
	assert_ptr_equal(sent[0].iov, &iovs[0]);
	sent_is(1, 0x91, 0);
	assert_int_equal(sent[1].length, 0);
	assert_int_equal(sent[2].cdb[0], 0x42);
	assert_int_equal(lun_get((uint8_t *)sent[2].iov->iov_base + 8, 8), 1);
	assert_int_equal(lun_get((uint8_t *)sent[2].iov->iov_base + 16, 4), 2);
	sent_is(3, 0x93, 1);
	assert_int_equal(sent[3].length, 512);
	for (unsigned i = 0; i < 3; i++)
		answer(i, SCSI_STATUS_GOOD, 0, 0);
	answer(3, SCSI_STATUS_CHECK_CONDITION, 5, 0x2000);
	for (unsigned i = 0; i < 3; i++)
		done_is(i, 0);
	done_is(3, -EOPNOTSUPP); /* the core writes them */
}

static void a_lost_session_s_commands_are_sent_again_in_order(void **state)
{
	for (unsigned i = 0; i < 3; i++)
		submit(i, i == 1 ? BLK_READ : BLK_WRITE, i * 4096, 4096);
	iscsi_queue_kick(&disk, &queue);
	become(ISCSI_LOST);
	assert_int_equal(downs, 1);
	assert_int_equal(ups, 1);
	assert_true(fence);
	submit(3, BLK_WRITE, 3 * 4096, 4096);
	iscsi_queue_kick(&disk, &queue);
	assert_int_equal(nsent, 3);
	become(ISCSI_READY);
	/* The size is looked at in each session. */
	assert_int_equal(nsent, 8);
	assert_int_equal(sent[3].cdb[0], 0x9e);
	for (unsigned i = 0; i < 4; i++) {
		sent_is(4 + i, i == 1 ? 0x88 : 0x8a, i * 8);
		answer(4 + i, SCSI_STATUS_GOOD, 0, 0);
		done_is(i, 0);
	}
}

static void the_unit_is_reset_only_for_changes_and_never_when_shared(void **state)
{
	submit(0, BLK_READ, 0, 4096);
	iscsi_queue_kick(&disk, &queue);
	become(ISCSI_LOST);
	assert_false(fence);
	become(ISCSI_READY);
	disk.exclusive = false;
	submit(1, BLK_WRITE, 0, 4096);
	iscsi_queue_kick(&disk, &queue);
	become(ISCSI_LOST);
	assert_false(fence);
	/* The try that failed does not make it forgotten. */
	disk.exclusive = true;
	become(ISCSI_LOST);
	pass(5000);
	assert_true(fence);
	become(ISCSI_READY);
	fence = false;
	become(ISCSI_LOST);
	pass(5000);
	assert_true(fence); /* the write again */
}

/* W1 is sent, the session lost, W1 sent again and done, W2 done: then W1 of the old session may land on W2. */
static void without_a_fence_changes_in_flight_fail(void **state)
{
	disk.exclusive = *(bool *)*state;
	disk.link.fenced = !disk.exclusive; /* shared; or it has no reset */
	for (unsigned i = 0; i < 4; i++)
		submit(i, i == 1 ? BLK_READ : i == 2 ? BLK_DISCARD : BLK_WRITE, i * 4096, 4096);
	submit(4, BLK_FLUSH, 0, 0);
	iscsi_queue_kick(&disk, &queue);
	answer(3, SCSI_STATUS_BUSY, 0, 0); /* the target does not have it */
	become(ISCSI_LOST);
	submit(5, BLK_WRITE, 5 * 4096, 4096);
	iscsi_queue_kick(&disk, &queue);
	for (unsigned i = 0; i < 6; i++)
		done_is(i, 1);
	nsent = 0;
	become(ISCSI_READY);
	pass(1000);
	for (unsigned i = 0; i < 6; i++)
		done_is(i, i == 0 || i == 2 ? -EIO : 1);
	assert_int_equal(nsent, 5);
	sent_is(1, 0x88, 8);
	sent_is(2, 0x91, 0);
	sent_is(3, 0x8a, 40);
	sent_is(4, 0x8a, 24);
}

static void tries_to_connect_get_rarer(void **state)
{
	become(ISCSI_LOST);
	assert_int_equal(ups, 1);
	for (unsigned i = 0; i < 100; i++) {
		disk.link.step = disk.link.step == ISCSI_CONNECTING ? ISCSI_LOST : disk.link.step;
		pass(100);
	}
	assert_in_range(ups, 5, 12); /* in 10 s */
}

/* A target that lets us in and ends the session, or says "reset" to each command, costs a login and a reset each time. */
static void sessions_that_do_not_last_get_rarer(void **state)
{
	for (unsigned i = 0; i < 100; i++) {
		if (disk.link.step == ISCSI_CONNECTING)
			become(ISCSI_READY);
		if (disk.link.step == ISCSI_READY)
			become(ISCSI_LOST);
		pass(100);
	}
	assert_in_range(ups, 5, 12); /* in 10 s */
	disk.link.step = ISCSI_READY;
	pass(0);
	pass(10000);
	ups = 0;
	become(ISCSI_LOST);
	assert_int_equal(ups, 1);
}

static void busy_units_get_time(void **state)
{
	submit(0, BLK_WRITE, 0, 4096);
	iscsi_queue_kick(&disk, &queue);
	answer(0, SCSI_STATUS_BUSY, 0, 0);
	iscsi_queue_kick(&disk, &queue);
	assert_int_equal(nsent, 1);
	pass(1);
	assert_int_equal(nsent, 1);
	pass(1000);
	assert_int_equal(nsent, 2);
	answer(1, SCSI_STATUS_TASK_SET_FULL, 0, 0);
	pass(1000);
	answer(2, SCSI_STATUS_GOOD, 0, 0);
	done_is(0, 0);
	/* But not for ever. */
	submit(1, BLK_WRITE, 0, 4096);
	iscsi_queue_kick(&disk, &queue);
	for (unsigned i = 0; reqs[1].error == 1 && i < 50; i++) {
		answer(nsent - 1, SCSI_STATUS_BUSY, 0, 0);
		pass(1000);
	}
	done_is(1, -EBUSY);
	assert_in_range(nsent, 25, 40);
}

static void another_size(void **state)
{
	uint8_t capacity[32] = { 0 };
	struct blk_info info = { 0 };

	submit(0, BLK_READ, 0, 4096);
	iscsi_queue_kick(&disk, &queue);
	answer(0, SCSI_STATUS_CHECK_CONDITION, 6, 0x2a09);
	iscsi_queue_kick(&disk, &queue);
	assert_int_equal(sent[1].cdb[0], 0x9e);
	pass(0);
	sent_is(2, 0x88, 0); /* at once */
	answer(2, SCSI_STATUS_GOOD, 0, 0);
	done_is(0, 0);
	lun_put(capacity, 4095, 8);
	lun_put(capacity + 8, 512, 4);
	memcpy(sent[1].iov->iov_base, capacity, 32);
	answer(1, SCSI_STATUS_GOOD, 0, 0);
	assert_int_equal(resized, 1);
	/* Who asks hears it, and has it looked at again. */
	assert_int_equal(iscsi_queue_refresh(&disk, &info), 0);
	assert_int_equal(info.size, 4096 * 512);
	assert_non_null(posted);
	posted->fn(&queue, posted);
	assert_int_equal(nsent, 4);
	/* Other blocks than before: not believed. */
	lun_put(capacity + 8, 4096, 4);
	memcpy(sent[3].iov->iov_base, capacity, 32);
	answer(3, SCSI_STATUS_GOOD, 0, 0);
	assert_int_equal(resized, 1);
	assert_int_equal(disk.lun.block_size, 512);
}

static void another_size_after_the_queue(void **state)
{
	uint8_t capacity[32] = { 0 };
	struct blk_info info = { 0 };

	assert_int_equal(iscsi_queue_refresh(&disk, &info), 0);
	posted->fn(&queue, posted);
	assert_int_equal(nsent, 1);
	iscsi_queue_stop(&disk, &queue);
	lun_put(capacity, 4095, 8);
	lun_put(capacity + 8, 512, 4);
	memcpy(sent[0].iov->iov_base, capacity, 32);
	answer(0, SCSI_STATUS_GOOD, 0, 0);
	assert_int_equal(resized, 0);
	assert_int_equal(iscsi_queue_refresh(&disk, &info), 0);
	assert_int_equal(info.size, 4096 * 512);
}

static void a_reset_by_others_begins_a_new_session(void **state)
{
	submit(0, BLK_WRITE, 0, 4096);
	submit(1, BLK_WRITE, 4096, 4096);
	iscsi_queue_kick(&disk, &queue);
	answer(1, SCSI_STATUS_CHECK_CONDITION, 6, 0x2900);
	done_is(1, 1);
	iscsi_queue_kick(&disk, &queue);
	assert_int_equal(downs, 1);
	become(ISCSI_READY);
	sent_is(3, 0x8a, 0);
	sent_is(4, 0x8a, 8);
}

static void errors(void **state)
{
	static const struct {
		unsigned key, code;
		int error;
	} rows[] = { { 3, 0x1100, -EIO }, { 7, 0x2707, -ENOSPC }, { 7, 0x2700, -EROFS } };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		submit(0, BLK_WRITE, 0, 4096);
		iscsi_queue_kick(&disk, &queue);
		answer(nsent - 1, SCSI_STATUS_CHECK_CONDITION, rows[i].key, rows[i].code);
		done_is(0, rows[i].error);
	}
	/* Less than was asked for, and "good": what is in the rest of the memory is not the unit's. */
	submit(0, BLK_READ, 0, 4096);
	iscsi_queue_kick(&disk, &queue);
	sent[nsent - 1].task->residual_status = SCSI_RESIDUAL_UNDERFLOW;
	answer(nsent - 1, SCSI_STATUS_GOOD, 0, 0);
	done_is(0, -EIO);
}

static void no_server_in_time(void **state)
{
	submit(0, BLK_WRITE, 0, 4096);
	iscsi_queue_kick(&disk, &queue);
	become(ISCSI_LOST);
	pass(30000);
	submit(1, BLK_READ, 0, 4096);
	iscsi_queue_kick(&disk, &queue);
	pass(29000);
	done_is(0, 1);
	pass(1000);
	done_is(0, -ETIMEDOUT);
	done_is(1, 1);
	pass(30000);
	done_is(1, -ETIMEDOUT);
	/* What comes later has its own time, and is served once there is one. */
	submit(2, BLK_READ, 0, 4096);
	iscsi_queue_kick(&disk, &queue);
	disk.link.step = ISCSI_READY;
	pass(1000);
	sent_is(nsent - 1, 0x88, 0);
}

/* The core submits what waited for others in a turn of its loop, and the clock's turn may come before the kick. */
static void submitted_and_not_kicked_yet(void **state)
{
	submit(0, BLK_DISCARD, 0, 4096);
	pass(1000);
	done_is(0, 1);
	assert_int_equal(sent[nsent - 1].cdb[0], 0x42); /* its ranges are data */
	answer(nsent - 1, SCSI_STATUS_GOOD, 0, 0);
	done_is(0, 0);
}

/* The session ends first: else the write could take effect when the guest thinks that it failed. */
static void no_answer_in_time(void **state)
{
	submit(0, BLK_WRITE, 0, 4096);
	iscsi_queue_kick(&disk, &queue);
	for (unsigned i = 0; i < 59; i++) {
		unanswered = 0; /* it says that it is there */
		pass(1000);
	}
	submit(1, BLK_WRITE, 4096, 4096);
	iscsi_queue_kick(&disk, &queue);
	assert_int_equal(downs, 0);
	pass(1000);
	assert_int_equal(downs, 1);
	done_is(0, -ETIMEDOUT);
	assert_true(fence);
	disk.link.step = ISCSI_READY;
	pass(0);
	sent_is(nsent - 1, 0x8a, 8); /* the younger one alone */
	assert_int_equal(nsent, 4);
}

static void silent_servers_are_asked_and_idle_ones_not(void **state)
{
	struct blk_poll poll = { .fd = -1, .timeout_ms = -1 };

	iscsi_queue_poll(&disk, &queue, &poll);
	assert_int_equal(poll.fd, 5);
	assert_int_equal(poll.timeout_ms, -1);
	pass(60000);
	assert_int_equal(nops, 0);
	submit(0, BLK_READ, 0, 4096);
	iscsi_queue_kick(&disk, &queue);
	iscsi_queue_poll(&disk, &queue, &poll);
	assert_in_range(poll.timeout_ms, 0, 5001);
	for (unsigned i = 1; i <= 3; i++) {
		pass(5000);
		assert_int_equal(nops, i);
	}
	assert_int_equal(downs, 0);
	pass(5000);
	assert_int_equal(downs, 1);
}

int main(void)
{
#define IN_SESSION(f) cmocka_unit_test_setup_teardown(f, begin, end)
	static bool no = false, yes = true;
	const struct CMUnitTest tests[] = {
		IN_SESSION(commands_and_data),
		IN_SESSION(a_lost_session_s_commands_are_sent_again_in_order),
		IN_SESSION(the_unit_is_reset_only_for_changes_and_never_when_shared),
		{ "changes in flight of a shared disk", without_a_fence_changes_in_flight_fail, begin, end, &no },
		{ "changes in flight without a reset", without_a_fence_changes_in_flight_fail, begin, end, &yes },
		IN_SESSION(tries_to_connect_get_rarer),
		IN_SESSION(sessions_that_do_not_last_get_rarer),
		IN_SESSION(busy_units_get_time),
		IN_SESSION(another_size),
		IN_SESSION(another_size_after_the_queue),
		IN_SESSION(a_reset_by_others_begins_a_new_session),
		IN_SESSION(errors),
		IN_SESSION(no_server_in_time),
		IN_SESSION(submitted_and_not_kicked_yet),
		IN_SESSION(no_answer_in_time),
		IN_SESSION(silent_servers_are_asked_and_idle_ones_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

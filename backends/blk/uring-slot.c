// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/uring-slot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/blk/driver.h"
#include "common/array.h"
#include "common/confine.h"
#include "common/log.h"
#include "protocol/blkif-nodes.h"

/* Slots of the largest ring there is, and what a queue wants for itself. */
#define SLOT_SQ 512u
#define SLOT_CQ (2 * SLOT_SQ + 16)

CONFINE_RULES(uring_slot,
	CONFINE_CALL(io_uring_enter), CONFINE_CALL(eventfd2),
	/* The one thing that is left to do with a ring: it has its restrictions. */
	CONFINE_CALL_IF(io_uring_register, 1, IORING_REGISTER_ENABLE_RINGS));

/* --- the io_uring ------------------------------------------------------------------- */

/* All that queues and storage drivers ask for, on descriptors that are open. */
static const uint8_t uring_slot_operations[] = {
	IORING_OP_READ, IORING_OP_READV, IORING_OP_READ_FIXED,
	IORING_OP_WRITE, IORING_OP_WRITEV, IORING_OP_WRITE_FIXED,
	IORING_OP_FSYNC, IORING_OP_FALLOCATE,
	IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE,
	IORING_OP_TIMEOUT, IORING_OP_TIMEOUT_REMOVE, IORING_OP_ASYNC_CANCEL,
};

/* Debian's liburing 2.3 does not export its functions for these. */
static int uring_slot_register(struct uring_slot *s, unsigned what, void *list, unsigned n)
{
	return syscall(SYS_io_uring_register, s->uring.ring_fd, what, list, n) < 0 ? -errno : 0;
}

static int uring_slot_restrict(struct uring_slot *s)
{
	struct io_uring_restriction list[ARRAY_SIZE(uring_slot_operations) + 1];
	unsigned n = 0;

	memset(list, 0, sizeof(list));
	for (; n < ARRAY_SIZE(uring_slot_operations); n++) {
		list[n].opcode = IORING_RESTRICTION_SQE_OP;
		list[n].sqe_op = uring_slot_operations[n];
	}
	list[n].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
	list[n].sqe_flags = IOSQE_ASYNC;
	return uring_slot_register(s, IORING_REGISTER_RESTRICTIONS, list, n + 1);
}

/*
 * Newer kernels run completions in the submitting thread when it asks; older ones know no
 * such flag. Who that thread is, is settled when the ring is enabled.
 */
static int uring_slot_make_ring(struct uring_slot *s)
{
	static const unsigned flags[] = {
		IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
			IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG, /* 6.1 */
		IORING_SETUP_R_DISABLED | IORING_SETUP_COOP_TASKRUN |
			IORING_SETUP_TASKRUN_FLAG, /* 5.19 */
		IORING_SETUP_R_DISABLED, /* 5.10 */
	};
	int rc = -EINVAL;

	for (unsigned i = 0; i < ARRAY_SIZE(flags) && rc == -EINVAL; i++) {
		struct io_uring_params p = {
			.flags = flags[i] | IORING_SETUP_CQSIZE,
			/* One per request and per source of ours: it cannot overflow. */
			.cq_entries = SLOT_CQ,
		};

		rc = io_uring_queue_init_params(SLOT_SQ, &s->uring, &p);
	}
	if (rc < 0)
		return rc;
	s->has_uring = true;
	s->enabled = false;
	if (s->witness)
		rc = uring_slot_register(s, IORING_REGISTER_FILES, &s->witness, 1);
	return rc < 0 ? rc : uring_slot_restrict(s);
}

static void uring_slot_drop_ring(struct uring_slot *s)
{
	if (s->has_uring)
		io_uring_queue_exit(&s->uring);
	s->has_uring = false;
}

int uring_slot_enable(struct uring_slot *s)
{
	int rc = 0;

	if (!s->has_uring)
		rc = uring_slot_make_ring(s);
	if (rc == 0 && !s->enabled)
		rc = uring_slot_register(s, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (rc == 0)
		s->enabled = true;
	return rc;
}

/* --- between two connections ---------------------------------------------------------- */

/* Of what cancels; nobody runs it. */
static struct blk_cqe uring_slot_cancel_cqe;

static void uring_slot_cancel(struct blk_queue *queue, uint64_t what, unsigned flags)
{
	struct io_uring_sqe *sqe = blk_queue_get_sqe(queue);

	io_uring_prep_cancel64(sqe, what, flags);
	io_uring_sqe_set_data(sqe, &uring_slot_cancel_cqe);
}

static void uring_slot_cancel_all(const struct uring_slot *s, struct blk_queue *queue)
{
	if (!s->one_by_one) {
		uring_slot_cancel(queue, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
		return;
	}
	for (unsigned i = 0; i < queue->nlasting; i++)
		uring_slot_cancel(queue, queue->lasting[i], 0);
}

void uring_slot_clear(struct uring_slot *s, struct blk_queue *queue)
{
	struct io_uring_cqe *cqe;
	bool again = false;

	uring_slot_cancel_all(s, queue);
	/* Of requests none is left, so nothing that completes here is wanted. */
	while (queue->owed) {
		if (io_uring_submit_and_wait(queue->ring, 1) < 0)
			continue; /* EINTR, EAGAIN */
		while (io_uring_peek_cqe(queue->ring, &cqe) == 0 && cqe) {
			again |= io_uring_cqe_get_data(cqe) == &uring_slot_cancel_cqe && cqe->res == -EINVAL;
			io_uring_cqe_seen(queue->ring, cqe);
			queue->owed--;
		}
		if (again && !s->one_by_one) {
			s->one_by_one = true;
			uring_slot_cancel_all(s, queue);
		}
	}
}

/* --- the whole ------------------------------------------------------------------------ */

int uring_slot_make(struct uring_slot *s, char *why, size_t room)
{
	int rc;

	if (s->slot.made)
		return 0;
	rc = slot_make(&s->slot, why, room);
	if (rc < 0)
		return rc;
	rc = uring_slot_make_ring(s);
	if (rc < 0) {
		snprintf(why, room, "no io_uring: %s%s", strerror(-rc),
			rc == -EPERM || rc == -ENOSYS ? "; is it forbidden here?" : "");
		uring_slot_dispose(s);
	}
	return rc;
}

void uring_slot_dispose(struct uring_slot *s)
{
	/* Its thread first: it is the one that may use the io_uring. */
	slot_dispose(&s->slot);
	uring_slot_drop_ring(s);
}

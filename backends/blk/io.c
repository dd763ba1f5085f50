// SPDX-License-Identifier: MIT
/*
 * The straight way to the driver, and where the others branch off: parts.c (too large,
 * discards) and rmw.c (not aligned). Beyond the checks here all offsets are the storage's,
 * of which the disk may be a part.
 *
 * Whatever changes the storage holds its range (range-lock.h) from before the driver
 * has it until it is given back: shared for a plain write, which nobody notices;
 * exclusive for read-modify-write, so that no sector written meanwhile by another queue
 * is written back old; and exclusive for discards, so that a write sent after one is
 * not eaten by it, nor one sent before it lost behind it.
 */
#include "config.h"
#include "backends/blk/io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "backends/blk/inbox.h"
#include "backends/blk/io-private.h"

/* --- descriptors and timers of the driver ---------------------------------------------- */

static int64_t io_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void io_arm_poll(struct io_queue *q, const struct blk_poll *want)
{
	struct io_uring_sqe *sqe;

	if (q->poll_armed && want->fd == q->poll.fd && want->events == q->poll.events &&
		want->changes == q->poll.changes)
		return;
	if (!q->poll_armed && want->fd < 0)
		return;
	sqe = blk_queue_get_sqe(q->pub);
	if (q->poll_armed) {
		/* Its completion asks the driver again. */
		io_uring_prep_poll_remove(sqe, (uintptr_t)&q->poll_cqe);
		io_uring_sqe_set_data(sqe, &q->cancel_cqe);
		return;
	}
	q->poll = *want;
	q->poll_armed = true;
	io_uring_prep_poll_add(sqe, want->fd, want->events);
	io_uring_sqe_set_data(sqe, &q->poll_cqe);
}

static void io_arm_timeout(struct io_queue *q, const struct blk_poll *want)
{
	int64_t deadline = io_now_ms() + want->timeout_ms;
	struct io_uring_sqe *sqe;

	if (q->timeout_armed && q->deadline_ms <= deadline)
		return; /* early is fine: it asks again */
	sqe = blk_queue_get_sqe(q->pub);
	q->deadline_ms = deadline;
	q->timeout = (struct __kernel_timespec){ want->timeout_ms / 1000,
		want->timeout_ms % 1000 * 1000000 };
	if (q->timeout_armed) {
		io_uring_prep_timeout_update(sqe, &q->timeout, (uintptr_t)&q->timeout_cqe, 0);
		io_uring_sqe_set_data(sqe, &q->cancel_cqe);
		return;
	}
	q->timeout_armed = true;
	io_uring_prep_timeout(sqe, &q->timeout, 0, 0);
	io_uring_sqe_set_data(sqe, &q->timeout_cqe);
}

static void io_watch(struct io_queue *q)
{
	struct blk_poll want = { .fd = -1, .timeout_ms = -1 };

	if (!q->driver->poll)
		return;
	q->driver->poll(q->state, q->pub, &want);
	io_arm_poll(q, &want);
	if (want.timeout_ms >= 0)
		io_arm_timeout(q, &want);
}

static void io_on_poll(struct blk_queue *pub, struct blk_cqe *cqe, int res)
{
	struct io_queue *q = container_of(cqe, struct io_queue, poll_cqe);

	q->poll_armed = false;
	if (res > 0)
		q->driver->reap(q->state, pub, res);
	io_watch(q);
}

static void io_on_timeout(struct blk_queue *pub, struct blk_cqe *cqe, int res)
{
	struct io_queue *q = container_of(cqe, struct io_queue, timeout_cqe);

	q->timeout_armed = false;
	q->driver->reap(q->state, pub, 0);
	io_watch(q);
}

static void io_on_cancel(struct blk_queue *pub, struct blk_cqe *cqe, int res)
{
	/* What it was for completes by itself. */
}

/* --- queues -------------------------------------------------------------------------------- */

int io_queue_start(struct io *io, struct io_queue *q, struct blk_queue *pub)
{
	const struct blk_info *info = &io->info;
	int rc;

	*q = (struct io_queue){
		.io = io,
		.pub = pub,
		.driver = io->driver,
		.state = io->state,
		.max_length = info->max_length ? info->max_length & -(uint64_t)info->block_size :
						 UINT64_MAX,
		.max_iov = info->max_iov,
		.block_mask = info->block_size - 1,
		.check_iov = info->block_size > IO_SECTOR || info->memory_align > IO_SECTOR,
		.served = info->flags & BLK_INFO_SERVED,
		.poll_cqe.fn = io_on_poll,
		.timeout_cqe.fn = io_on_timeout,
		.cancel_cqe.fn = io_on_cancel,
	};
	q->locking = q->check_iov || (info->flags & (BLK_INFO_DISCARD | BLK_INFO_ZEROES));
	q->waiting_tail = &q->waiting;
	blk_queue_lasts(pub, &q->poll_cqe);
	blk_queue_lasts(pub, &q->timeout_cqe);
	rc = inbox_start(pub);
	if (rc == 0 && io->driver->queue_start)
		rc = io->driver->queue_start(io->state, pub);
	if (rc < 0) {
		inbox_stop(pub);
		return rc;
	}
	range_user_add(&io->lock, &q->writers);
	io_watch(q);
	return 0;
}

void io_queue_stop(struct io_queue *q)
{
	range_user_remove(&q->io->lock, &q->writers);
	if (q->driver->queue_stop)
		q->driver->queue_stop(q->state, q->pub);
	inbox_stop(q->pub);
}

void io_queue_cancel(struct io_queue *q)
{
	q->cancelled = true;
}

/* --- ranges ---------------------------------------------------------------------------------- */

void io_to_driver(struct io_queue *q, struct blk_req *req)
{
	q->staged = true;
	q->driver->submit(q->state, q->pub, req);
}

static void io_begin_held(struct io_queue *q, struct blk_req *req, struct io_op *op)
{
	if (op)
		op->step(op);
	else
		io_to_driver(q, req);
}

static void io_on_granted(struct blk_queue *pub, struct blk_post *post)
{
	struct io_hold *hold = container_of(post, struct io_hold, post);

	io_begin_held(hold->q, container_of((void *)hold, struct blk_req, core_private), hold->op);
}

/* In the thread of whoever let the range go. */
static void io_granted(struct range_entry *range)
{
	struct io_hold *hold = container_of(range, struct io_hold, range);

	hold->post.fn = io_on_granted;
	blk_queue_post(hold->q->pub, &hold->post);
}

void io_begin(struct io_queue *q, struct blk_req *req, struct io_op *op, enum io_sharing sharing,
	uint64_t start, uint64_t end)
{
	struct io_hold *hold = io_hold(req);

	if (sharing == IO_NO_RANGE || !q->locking) {
		io_begin_held(q, req, op);
		return;
	}
	if (sharing == IO_SHARED && range_enter(&q->io->lock, &q->writers)) {
		req->hold = IO_HOLD_ENTERED;
		io_begin_held(q, req, op);
		return;
	}
	req->hold = IO_HOLD_RANGE;
	*hold = (struct io_hold){
		.range = { .start = start, .end = end, .granted = io_granted,
			.exclusive = sharing == IO_EXCLUSIVE },
		.q = q,
		.op = op,
	};
	if (range_take(&q->io->lock, &hold->range))
		io_begin_held(q, req, op);
	else
		q->count[IO_WAITS]++;
}

static void io_release(struct io_queue *q, struct blk_req *req)
{
	if (req->hold == IO_HOLD_ENTERED)
		range_leave(&q->io->lock, &q->writers);
	else
		range_release(&q->io->lock, &io_hold(req)->range);
	req->hold = IO_HOLD_NONE;
}

/* --- requests that become others ------------------------------------------------------------------ */

static void io_on_child(struct io_queue *q, struct blk_req *child)
{
	struct io_op *op = container_of(child, struct io_op, child);

	op->step(op);
}

struct io_op *io_op_new(struct io_queue *q, struct blk_req *req, void (*step)(struct io_op *op))
{
	struct io_op *op = calloc(1, sizeof(*op));

	if (!op) {
		blk_req_done(q->pub, req, -ENOMEM);
		return NULL;
	}
	op->parent = req;
	op->q = q;
	op->step = step;
	op->at = req->offset;
	op->end = req->offset + req->length;
	return op;
}

void io_op_finish(struct io_op *op, int error)
{
	blk_req_done(op->q->pub, op->parent, error);
	free(op);
}

void io_op_child(struct io_op *op, enum blk_op what, uint64_t offset, uint64_t length,
	struct iovec *iov, unsigned niov)
{
	op->child = (struct blk_req){
		.op = what,
		.flags = op->parent->flags,
		.offset = offset,
		.length = length,
		.iov = iov,
		.niov = niov,
		.done = io_on_child,
	};
	io_to_driver(op->q, &op->child);
}

/* --- submission --------------------------------------------------------------------------------------- */

static bool io_in_range(const struct io_queue *q, const struct blk_req *req)
{
	uint64_t size = __atomic_load_n(&q->io->info.size, __ATOMIC_RELAXED);

	return req->length <= size && req->offset <= size - req->length;
}

static bool io_is_aligned(const struct io_queue *q, const struct blk_req *req)
{
	uint32_t memory_mask = q->io->info.memory_align - 1;

	if ((req->offset | req->length) & q->block_mask)
		return false;
	for (unsigned i = 0; i < req->niov; i++)
		if (((uintptr_t)req->iov[i].iov_base & memory_mask) ||
			(req->iov[i].iov_len & q->block_mask))
			return false;
	return true;
}

/* What nobody can do. 0 or -errno. */
static int io_check(const struct io_queue *q, const struct blk_req *req)
{
	uint32_t flags = q->io->info.flags;

	if (req->op == BLK_FLUSH)
		return 0;
	if (req->length == 0 || (req->offset | req->length) % IO_SECTOR)
		return -EINVAL;
	if (!io_in_range(q, req))
		return -EIO; /* it was, when the size was another: resized meanwhile */
	if (req->op != BLK_READ && (flags & BLK_INFO_READONLY))
		return -EROFS;
	if (req->op == BLK_DISCARD && !(flags & BLK_INFO_DISCARD))
		return -EOPNOTSUPP;
	if (req->op == BLK_DISCARD && (req->flags & BLK_REQ_SECURE) &&
		!(flags & BLK_INFO_SECURE_DISCARD))
		return -EOPNOTSUPP;
	return 0;
}

static void io_submit_flush(struct io_queue *q, struct blk_req *req)
{
	/* Without a volatile cache there is nothing that a flush could be needed for. */
	if (q->io->info.flags & BLK_INFO_FLUSH)
		io_to_driver(q, req);
	else
		blk_req_done(q->pub, req, 0);
}

static void io_submit_slow(struct io_queue *q, struct blk_req *req)
{
	int rc = io_check(q, req);

	if (rc == 0)
		req->offset += q->io->base;
	if (rc < 0)
		blk_req_done(q->pub, req, rc);
	else if (req->op == BLK_FLUSH)
		io_submit_flush(q, req);
	else if (req->op == BLK_DISCARD)
		parts_submit_range(q, req);
	else if (req->op == BLK_ZEROES && (q->io->info.flags & BLK_INFO_ZEROES) &&
		 !((req->offset | req->length) & q->block_mask))
		parts_submit_range(q, req);
	else if (req->op == BLK_ZEROES || !io_is_aligned(q, req))
		rmw_submit(q, req);
	else if (req->niov > q->max_iov || req->length > q->max_length)
		parts_submit(q, req);
	else
		io_begin(q, req, NULL, req->op == BLK_WRITE ? IO_SHARED : IO_NO_RANGE, req->offset,
			req->offset + req->length);
}

/* Reads and writes that the driver can take as they are. */
static bool io_is_plain(const struct io_queue *q, const struct blk_req *req)
{
	if (req->op > BLK_WRITE || req->length == 0 || req->length > q->max_length ||
		req->niov > q->max_iov || ((req->offset | req->length) & q->block_mask))
		return false;
	if (!io_in_range(q, req) || (req->op == BLK_WRITE && (q->io->info.flags & BLK_INFO_READONLY)))
		return false;
	return !q->check_iov || io_is_aligned(q, req);
}

void io_queue_submit(struct io_queue *q, struct blk_req *req)
{
	q->in_flight++;
	if (!io_is_plain(q, req)) {
		io_submit_slow(q, req);
		return;
	}
	if (req->op == BLK_WRITE && q->locking) {
		if (!range_enter(&q->io->lock, &q->writers)) {
			io_submit_slow(q, req);
			return;
		}
		req->hold = IO_HOLD_ENTERED;
	}
	req->offset += q->io->base;
	q->driver->submit(q->state, q->pub, req);
}

void io_finish(struct io_queue *q, struct blk_req *req, int error)
{
	q->in_flight++;
	blk_req_done(q->pub, req, error);
}

void io_kick(struct io_queue *q)
{
	q->staged = false;
	q->driver->kick(q->state, q->pub);
	io_watch(q);
}

/* --- completion ------------------------------------------------------------------------------------------ */

/* Sort what is done, newest first: whole requests to @list, parts to the result. */
static struct blk_req *io_sort_done(struct io_queue *q, struct blk_req **list)
{
	struct blk_req *req = q->pub->done, *parts = NULL;

	q->pub->done = NULL;
	while (req) {
		struct blk_req *next = req->next, **to = req->done ? &parts : list;

		if (req->hold)
			io_release(q, req);
		if (!req->done)
			q->in_flight--;
		req->next = *to;
		*to = req;
		req = next;
	}
	return parts;
}

struct blk_req *io_take_done(struct io_queue *q)
{
	struct blk_req *list = NULL;

	while (q->pub->done || q->staged) {
		struct blk_req *part = io_sort_done(q, &list);

		while (part) {
			struct blk_req *next = part->next;

			part->done(q, part); /* the next part, or the request's end */
			part = next;
		}
		if (q->staged)
			io_kick(q);
	}
	return list;
}

const uint64_t *io_counters(const struct io_queue *q)
{
	return q->count;
}

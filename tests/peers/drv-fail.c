// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/peers/drv-fail.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/blk/storage.h"

struct fail_queue {
	struct blk_req *staged, **tail;
	int fd;
	uint32_t changes;
};

static uint64_t fail_block(const struct fail_disk *d)
{
	return d->info.block_size;
}

/* What drivers may rely on. */
static bool fail_is_valid(const struct fail_disk *d, const struct blk_req *req)
{
	uint64_t mask = fail_block(d) - 1, sum = 0;
	uint64_t memory = d->info.memory_align ? d->info.memory_align - 1 : 511;

	if (req->op == BLK_FLUSH)
		return d->info.flags & BLK_INFO_FLUSH;
	if (!req->length || (req->offset & mask) || (req->length & mask) ||
		req->offset + req->length > d->info.size)
		return false;
	if (req->op != BLK_READ && (d->info.flags & BLK_INFO_READONLY))
		return false;
	if (req->op == BLK_DISCARD)
		return (d->info.flags & BLK_INFO_DISCARD) &&
		       (!(req->flags & BLK_REQ_SECURE) || (d->info.flags & BLK_INFO_SECURE_DISCARD));
	if (req->op == BLK_ZEROES)
		return d->info.flags & BLK_INFO_ZEROES;
	for (unsigned i = 0; i < req->niov; i++) {
		if (((uintptr_t)req->iov[i].iov_base & memory) || (req->iov[i].iov_len & mask))
			return false;
		sum += req->iov[i].iov_len;
	}
	return sum == req->length && req->niov <= d->info.max_iov &&
	       (!d->info.max_length || req->length <= d->info.max_length);
}

/* --- the disk's system calls --------------------------------------------------------------- */

/* Not under the mutex: what overlaps in time is a race that the thread sanitizer finds. */
static ssize_t fail_move(struct fail_disk *d, struct blk_req *req, uint64_t at, size_t most)
{
	size_t done = 0;

	for (unsigned i = 0; i < req->niov && done < most; i++) {
		size_t n = req->iov[i].iov_len;

		if (n > most - done)
			n = most - done;
		if (req->op == BLK_READ && d->lies)
			;
		else if (req->op == BLK_READ)
			memcpy(req->iov[i].iov_base, d->data + at + done, n);
		else
			memcpy(d->data + at + done, req->iov[i].iov_base, n);
		done += n;
	}
	return done;
}

/* What the rules say about a call: -errno, or the most bytes. */
static ssize_t fail_decide(struct fail_disk *d, const struct blk_req *req, uint64_t at, uint64_t left)
{
	ssize_t result = SSIZE_MAX;

	pthread_mutex_lock(&d->mutex);
	d->calls++;
	for (unsigned i = 0; i < d->rules; i++) {
		struct fail_rule *r = &d->rule[i];

		if (r->op != req->op || (r->end && (at >= r->end || at + left <= r->start)))
			continue;
		if (r->skip) {
			r->skip--;
			continue;
		}
		if (r->times == UINT32_MAX)
			continue; /* used up */
		if (r->times && --r->times == 0)
			r->times = UINT32_MAX;
		result = r->result;
		break;
	}
	pthread_mutex_unlock(&d->mutex);
	return result;
}

static ssize_t fail_call(struct fail_disk *d, struct blk_req *req, struct storage_op *op)
{
	ssize_t most = fail_decide(d, req, op->offset, op->left);

	if (most < 0)
		return most;
	switch (req->op) {
	case BLK_READ:
	case BLK_WRITE:
		return fail_move(d, req, op->offset, most);
	case BLK_DISCARD:
	case BLK_ZEROES:
		memset(d->data + op->offset, 0, op->left);
		return 0;
	default:
		return 0;
	}
}

static void fail_execute(struct fail_disk *d, struct blk_queue *queue, struct blk_req *req)
{
	struct storage_op op;
	int error;

	storage_op_begin(&op, req);
	while (!storage_op_result(&op, req, fail_call(d, req, &op), &error))
		;
	pthread_mutex_lock(&d->mutex);
	d->completed++;
	d->in_flight--;
	pthread_mutex_unlock(&d->mutex);
	blk_req_done(queue, req, error);
}

/* --- the driver ---------------------------------------------------------------------------- */

static void fail_log(struct fail_disk *d, const struct blk_req *req)
{
	pthread_mutex_lock(&d->mutex);
	d->submitted++;
	if (++d->in_flight > d->most_in_flight)
		d->most_in_flight = d->in_flight;
	if (!fail_is_valid(d, req))
		d->broken_promises++;
	if (d->logged < FAIL_LOG)
		d->log[d->logged++] = (struct fail_event){ req->op, req->flags, req->offset,
			req->length, req->niov };
	pthread_mutex_unlock(&d->mutex);
}

static void fail_submit(void *state, struct blk_queue *queue, struct blk_req *req)
{
	struct fail_queue *fq = queue->driver_private;

	fail_log(state, req);
	req->next = NULL;
	*fq->tail = req;
	fq->tail = &req->next;
}

static void fail_run(struct fail_disk *d, struct blk_queue *queue)
{
	struct fail_queue *fq = queue->driver_private;

	while (fq->staged && !__atomic_load_n(&d->hold, __ATOMIC_ACQUIRE)) {
		struct blk_req *req = fq->staged;

		fq->staged = req->next;
		if (!fq->staged)
			fq->tail = &fq->staged;
		fail_execute(d, queue, req);
	}
}

static void fail_wake(struct fail_queue *fq)
{
	uint64_t one = 1;

	if (write(fq->fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static void fail_kick(void *state, struct blk_queue *queue)
{
	struct fail_disk *d = state;
	struct fail_queue *fq = queue->driver_private;

	pthread_mutex_lock(&d->mutex);
	d->kicks++;
	pthread_mutex_unlock(&d->mutex);
	if (!d->later)
		fail_run(d, queue);
	else if (fq->staged && !d->ticks)
		fail_wake(fq);
}

static void fail_poll(void *state, struct blk_queue *queue, struct blk_poll *poll)
{
	struct fail_disk *d = state;
	struct fail_queue *fq = queue->driver_private;

	poll->fd = d->ticks ? -1 : fq->fd;
	poll->events = POLLIN;
	poll->changes = fq->changes;
	if (d->ticks && fq->staged)
		poll->timeout_ms = 5;
}

/* As a library does that connects anew: the number may or may not be the old one. */
static void fail_move_fd(struct fail_queue *fq)
{
	close(fq->fd);
	fq->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fq->changes++;
}

static void fail_reap(void *state, struct blk_queue *queue, uint32_t revents)
{
	struct fail_disk *d = state;
	struct fail_queue *fq = queue->driver_private;
	uint64_t count;

	if (read(fq->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		abort();
	pthread_mutex_lock(&d->mutex);
	d->reaps++;
	pthread_mutex_unlock(&d->mutex);
	if (d->moves)
		fail_move_fd(fq);
	fail_run(d, queue);
}

static int fail_queue_start(void *state, struct blk_queue *queue)
{
	struct fail_queue *fq = calloc(1, sizeof(*fq));

	if (!fq)
		return -ENOMEM;
	fq->tail = &fq->staged;
	fq->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	queue->driver_private = fq;
	return 0;
}

static void fail_queue_stop(void *state, struct blk_queue *queue)
{
	struct fail_queue *fq = queue->driver_private;

	if (fq->staged)
		abort(); /* the core promised that nothing is in flight */
	close(fq->fd);
	free(fq);
}

static int fail_refresh(void *state, struct blk_info *info)
{
	struct fail_disk *d = state;

	info->size = d->info.size;
	return 0;
}

void fail_disk_release(struct fail_disk *d, struct blk_queue *queue)
{
	__atomic_store_n(&d->hold, false, __ATOMIC_RELEASE);
	fail_wake(queue->driver_private);
}

void fail_disk_init(struct fail_disk *d, const struct blk_info *info)
{
	memset(d, 0, sizeof(*d));
	d->info = *info;
	d->data = malloc(info->size);
	if (!d->data)
		abort();
	for (uint64_t i = 0; i < info->size; i++)
		d->data[i] = i >> 9;
	pthread_mutex_init(&d->mutex, NULL);
}

void fail_disk_fini(struct fail_disk *d)
{
	pthread_mutex_destroy(&d->mutex);
	free(d->data);
}

const struct blk_driver fail_driver = {
	.name = "fail",
	.queue_start = fail_queue_start,
	.queue_stop = fail_queue_stop,
	.submit = fail_submit,
	.kick = fail_kick,
	.poll = fail_poll,
	.reap = fail_reap,
	.refresh = fail_refresh,
};

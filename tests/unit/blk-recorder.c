// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/blk-recorder.h"

#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/array.h"

static void recorder_note(struct recorder_queue *q, const struct blk_req *req, bool done)
{
	struct recorder *r = q->recorder;

	pthread_mutex_lock(&r->lock);
	if (r->events == RECORDER_EVENTS)
		abort();
	r->event[r->events++] = (struct recorder_event){ q->index, req->op, done,
		req->offset / 512, req->length, req->flags };
	r->submitted += !done;
	pthread_mutex_unlock(&r->lock);
}

static void recorder_complete(struct recorder_queue *q)
{
	for (unsigned i = 0; i < q->nheld; i++) {
		struct blk_req *req = q->held[i];

		recorder_note(q, req, true);
		blk_req_done(q->pub, req, mem_get(&q->recorder->fail[req->op]));
	}
	q->nheld = 0;
}

static void recorder_arm(struct recorder_queue *q)
{
	struct io_uring_sqe *sqe = blk_queue_get_sqe(q->pub);

	io_uring_prep_poll_add(sqe, q->wake_fd, POLLIN);
	io_uring_sqe_set_data(sqe, &q->wake);
}

static void recorder_on_wake(struct blk_queue *pub, struct blk_cqe *cqe, int res)
{
	struct recorder_queue *q = container_of(cqe, struct recorder_queue, wake);
	uint64_t n;

	if (read(q->wake_fd, &n, sizeof(n)) < 0)
		abort();
	recorder_complete(q);
	recorder_arm(q);
}

/* Queues are started one after the other. */
static int recorder_queue_start(void *state, struct blk_queue *pub)
{
	struct recorder *r = state;
	struct recorder_queue *q = &r->queue[r->queues];

	q->recorder = r;
	q->pub = pub;
	q->index = r->queues++;
	q->wake.fn = recorder_on_wake;
	pub->driver_private = q;
	recorder_arm(q);
	return 0;
}

static void recorder_submit(void *state, struct blk_queue *pub, struct blk_req *req)
{
	struct recorder_queue *q = pub->driver_private;

	if (q->nheld == ARRAY_SIZE(q->held))
		abort();
	q->held[q->nheld++] = req;
	recorder_note(q, req, false);
}

static void recorder_kick(void *state, struct blk_queue *pub)
{
	struct recorder_queue *q = pub->driver_private;

	if (!mem_get(&q->hold))
		recorder_complete(q);
}

void recorder_hold(struct recorder *r, unsigned i)
{
	mem_set(&r->queue[i].hold, true);
}

void recorder_release(struct recorder *r, unsigned i)
{
	uint64_t one = 1;

	mem_set(&r->queue[i].hold, false);
	assert_int_equal(write(r->queue[i].wake_fd, &one, sizeof(one)), sizeof(one));
}

void recorder_fail(struct recorder *r, enum blk_op op, int error)
{
	mem_set(&r->fail[op], error);
}

unsigned recorder_submitted(struct recorder *r)
{
	unsigned n;

	pthread_mutex_lock(&r->lock);
	n = r->submitted;
	pthread_mutex_unlock(&r->lock);
	return n;
}

void recorder_wait(struct recorder *r, unsigned n)
{
	for (int i = 0; i < 10000 && recorder_submitted(r) < n; i++)
		usleep(1000);
	assert_int_equal(recorder_submitted(r), n);
}

void recorder_init(struct recorder *r)
{
	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
	for (unsigned i = 0; i < RECORDER_QUEUES; i++)
		r->queue[i].wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void recorder_fini(struct recorder *r)
{
	for (unsigned i = 0; i < RECORDER_QUEUES; i++)
		close(r->queue[i].wake_fd);
	pthread_mutex_destroy(&r->lock);
}

const struct blk_driver recorder_driver = {
	.name = "recorder",
	.queue_start = recorder_queue_start,
	.submit = recorder_submit,
	.kick = recorder_kick,
};

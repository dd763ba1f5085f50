// SPDX-License-Identifier: MIT
/*
 * Requests of one queue over one connection. A connection that is lost is made anew and what
 * was under way is sent again, until it is too old. Every list has the oldest first.
 */
#include "config.h"
#include "backends/blk/nbd-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/array.h"
#include "common/log.h"

#define NBD_PAUSE_MS 50u
#define NBD_PAUSE_MAX_MS 2000u
/* A connection attempt; those that the network swallows are repeated sooner than the kernel would. */
#define NBD_ATTEMPT_MS 10000u

static struct log_limit nbd_limit = { .burst = 10, .interval_ms = 60000 };

static int64_t nbd_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static struct nbd_op *op_of(struct blk_req *req)
{
	return (struct nbd_op *)req->driver_private;
}

static struct blk_req *req_of(struct nbd_op *op)
{
	return container_of((void *)op, struct blk_req, driver_private);
}

static int64_t op_due(const struct nbd_queue *q, const struct nbd_op *op)
{
	return op->since_ms + q->nbd->server.uri.timeout_s * INT64_C(1000);
}

/*
 * When the server is taken to be gone. Our own format server is waited for as a disk is: that it has
 * ended is seen, and while it lives it may still do what would be sent to it again.
 */
static int64_t flight_due(const struct nbd_queue *q)
{
	const struct nbd_op *oldest = TAILQ_FIRST(&q->flight);

	return oldest && !q->nbd->own_server ? op_due(q, oldest) : INT64_MAX;
}

/* --- the end of a request --------------------------------------------------------------- */

static void op_scatter(struct nbd_op *op)
{
	struct blk_req *req = req_of(op);
	const char *from = op->bounce;

	for (unsigned i = 0; i < req->niov; from += req->iov[i++].iov_len)
		memcpy(req->iov[i].iov_base, from, req->iov[i].iov_len);
}

static void op_count(struct nbd_queue *q, const struct nbd_op *op, enum blk_op what)
{
	struct nbd *n = q->nbd;

	if (!n->strict || what == BLK_READ)
		return;
	if (what != BLK_FLUSH)
		n->written++;
	else if (op->mark > n->covered)
		n->covered = op->mark;
}

/* It is on no list any more. */
static void op_finish(struct nbd_queue *q, struct nbd_op *op, int error)
{
	struct blk_req *req = req_of(op);

	if (error == 0)
		op_count(q, op, req->op);
	if (error == 0 && req->op == BLK_READ && op->bounce)
		op_scatter(op);
	free(op->bounce);
	blk_req_done(q->pub, req, error);
}

static void ops_finish(struct nbd_queue *q, struct nbd_ops *list, int error)
{
	struct nbd_op *op;

	while ((op = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, op, entry);
		op_finish(q, op, error);
	}
}

/* Sent again, before what was not sent yet. */
static void ops_again(struct nbd_queue *q, struct nbd_ops *list)
{
	TAILQ_CONCAT(list, &q->staged, entry);
	TAILQ_CONCAT(&q->staged, list, entry);
}

/* --- sending ------------------------------------------------------------------------------ */

/* In a call of libnbd's, which is not to be called from here. */
static int op_done(void *opaque, int *error)
{
	struct nbd_op *op = opaque;

	op->result = -*error;
	op->answered = true;
	TAILQ_REMOVE(&op->q->flight, op, entry);
	TAILQ_INSERT_TAIL(&op->q->finished, op, entry);
	return 1;
}

/* One piece of memory for the whole request. NULL: there is none. */
static void *op_memory(struct nbd_op *op)
{
	struct blk_req *req = req_of(op);
	const char *next = req->iov[0].iov_base;
	char *to;
	unsigned i = 0;

	if (op->bounce)
		return op->bounce;
	while (i < req->niov && req->iov[i].iov_base == next)
		next += req->iov[i++].iov_len;
	if (i == req->niov)
		return req->iov[0].iov_base;
	op->bounce = to = malloc(req->length);
	for (i = 0; to && req->op == BLK_WRITE && i < req->niov; to += req->iov[i++].iov_len)
		memcpy(to, req->iov[i].iov_base, req->iov[i].iov_len);
	return op->bounce;
}

static int64_t op_send(struct nbd_queue *q, struct nbd_op *op)
{
	struct nbd_handle *h = q->link.handle;
	nbd_completion_callback done = { .callback = op_done, .user_data = op };
	struct blk_req *req = req_of(op);
	void *memory = req->op <= BLK_WRITE ? op_memory(op) : NULL;

	if (!memory && req->op <= BLK_WRITE)
		return -ENOMEM;
	op->mark = q->nbd->written;
	switch (req->op) {
	case BLK_READ:
		return nbd_aio_pread(h, memory, req->length, req->offset, done, 0);
	case BLK_WRITE:
		return nbd_aio_pwrite(h, memory, req->length, req->offset, done, 0);
	case BLK_FLUSH:
		return nbd_aio_flush(h, done, 0);
	case BLK_DISCARD:
		return nbd_aio_trim(h, req->length, req->offset, done, 0);
	case BLK_ZEROES:
		return nbd_aio_zero(h, req->length, req->offset, done, 0);
	}
	return -EINVAL;
}

/* Its call failed, and its callback may have been called even so. */
static void op_not_sent(struct nbd_queue *q, struct nbd_op *op, int64_t rc)
{
	struct nbd_op *at;
	int error = rc == -ENOMEM ? -ENOMEM : -nbd_get_errno();

	op->answered = false;
	TAILQ_FOREACH(at, &q->finished, entry)
		if (at == op)
			return;
	TAILQ_REMOVE(&q->flight, op, entry);
	op->result = nbd_link_check(&q->link) || rc == -ENOMEM ? error ? error : -EIO : -ENOTCONN;
	TAILQ_INSERT_TAIL(&q->finished, op, entry);
}

static void queue_send(struct nbd_queue *q)
{
	struct nbd_op *op;

	while (q->link.phase == NBD_LINK_UP && !q->leaving && (op = TAILQ_FIRST(&q->staged))) {
		int64_t rc;

		TAILQ_REMOVE(&q->staged, op, entry);
		TAILQ_INSERT_TAIL(&q->flight, op, entry);
		rc = op_send(q, op);
		if (rc < 0)
			op_not_sent(q, op, rc);
	}
}

/* --- the connection --------------------------------------------------------------------------- */

/* From now on nothing works, for all queues. */
static void queue_fail(struct nbd_queue *q, const char *why)
{
	log_err("%s: %s; all requests of this disk fail until it is attached anew", q->nbd->server.name, why);
	__atomic_store_n(&q->nbd->failed, -EIO, __ATOMIC_RELEASE);
}

static void queue_pause(struct nbd_queue *q, int64_t now)
{
	q->retry_ms = now + q->pause_ms;
	q->pause_ms = q->pause_ms ? q->pause_ms * 2 : NBD_PAUSE_MS;
	if (q->pause_ms > NBD_PAUSE_MAX_MS)
		q->pause_ms = NBD_PAUSE_MAX_MS;
}

/* However long our own server had them, its successor has its time. */
static void queue_restart_clocks(struct nbd_queue *q, int64_t now)
{
	struct nbd_op *op;

	TAILQ_FOREACH(op, &q->staged, entry)
		if (q->nbd->own_server)
			op->since_ms = now;
}

/* It is DOWN, and was UP. */
static void queue_lost(struct nbd_queue *q, int64_t now)
{
	struct nbd *n = q->nbd;

	q->leaving = false;
	ops_again(q, &q->flight);
	queue_restart_clocks(q, now);
	queue_pause(q, now);
	if (n->strict && n->written != n->covered) {
		queue_fail(q, "the server went away with writes that were done and not flushed, and may be lost");
		return;
	}
	if (!q->told && log_limit_ok(&nbd_limit))
		log_warn("%s: %s; connecting again, requests wait up to %u s", n->server.name, q->link.why,
			n->server.uri.timeout_s);
	q->told = true;
}

/* For a disk that was offered as @n->export. Without multi-conn a flush would be of one queue alone. */
static bool export_is_same(const struct nbd *n, const struct nbd_export *b)
{
	const struct nbd_export *a = &n->export;

	return (n->strict || !a->multi || b->multi) && a->size == b->size && a->min_block == b->min_block &&
	       a->max_payload == b->max_payload && a->readonly == b->readonly && a->flush == b->flush &&
	       a->trim == b->trim && a->zeroes == b->zeroes;
}

/* It is UP again: is it the same export? */
static void queue_up(struct nbd_queue *q)
{
	struct nbd_export now;
	char why[256] = "";

	if (nbd_link_export(&q->link, &now, why, sizeof(why)) < 0) {
		queue_fail(q, why);
	} else if (!export_is_same(q->nbd, &now)) {
		snprintf(why, sizeof(why), "is another export than before (%" PRIu64 " bytes, %" PRIu64
			" before)", now.size, q->nbd->export.size);
		queue_fail(q, why);
	} else {
		if (q->told && log_limit_ok(&nbd_limit))
			log_warn("%s: connected again", q->nbd->server.name);
		q->told = false;
	}
}

/* After anything that may have moved the connection. @was: its phase before. */
static void queue_follow(struct nbd_queue *q, enum nbd_link_phase was, int64_t now)
{
	enum nbd_link_phase is = q->link.phase;

	if (is == NBD_LINK_DOWN && was == NBD_LINK_UP)
		queue_lost(q, now);
	else if (is == NBD_LINK_DOWN && was != NBD_LINK_DOWN)
		queue_pause(q, now);
	else if (is == NBD_LINK_UP && was != NBD_LINK_UP)
		queue_up(q);
}

static void queue_connect(struct nbd_queue *q, int64_t now)
{
	q->attempt_ms = now + NBD_ATTEMPT_MS;
	nbd_link_begin(&q->link, &q->nbd->server);
	if (q->link.phase == NBD_LINK_DOWN)
		queue_pause(q, now);
}

static void queue_drop(struct nbd_queue *q, const char *why, int64_t now)
{
	enum nbd_link_phase was = q->link.phase;

	snprintf(q->link.why, sizeof(q->link.why), "%s", why);
	nbd_link_close(&q->link);
	queue_follow(q, was, now);
}

/* --- progress --------------------------------------------------------------------------------- */

/* Whether what this request ended with is its own affair. */
static void queue_judge(struct nbd_queue *q, struct nbd_op *op)
{
	char why[128];

	if (op->result == 0 || !op->answered || !q->nbd->errors_last || req_of(op)->op == BLK_READ ||
		__atomic_load_n(&q->nbd->failed, __ATOMIC_ACQUIRE))
		return;
	snprintf(why, sizeof(why), "a write or flush failed (%s), behind which the server may mix up the image's blocks",
		strerror(-op->result));
	queue_fail(q, why);
}

/* What its callback was called for. */
static void queue_finish(struct nbd_queue *q)
{
	struct nbd_ops again = TAILQ_HEAD_INITIALIZER(again);
	struct nbd_op *op;

	while ((op = TAILQ_FIRST(&q->finished))) {
		TAILQ_REMOVE(&q->finished, op, entry);
		/* No server says ENOTCONN: it is libnbd's. With ESHUTDOWN a server announces its end. */
		if (op->result == -ENOTCONN || op->result == -ESHUTDOWN) {
			q->leaving = q->leaving || op->result == -ESHUTDOWN;
			TAILQ_INSERT_TAIL(&again, op, entry);
			continue;
		}
		q->pause_ms = 0;
		queue_judge(q, op);
		op_finish(q, op, op->result);
	}
	ops_again(q, &again);
}

static void ops_expire(struct nbd_queue *q, struct nbd_ops *list, int64_t now)
{
	struct nbd_op *op, *next;

	for (op = TAILQ_FIRST(list); op; op = next) {
		next = TAILQ_NEXT(op, entry);
		if (op_due(q, op) > now)
			continue;
		TAILQ_REMOVE(list, op, entry);
		op_finish(q, op, -ETIMEDOUT);
	}
}

static void queue_expire(struct nbd_queue *q, int64_t now)
{
	/* Its memory is the library's until the connection ends. */
	if (flight_due(q) <= now)
		queue_drop(q, "the server does not answer", now);
	ops_expire(q, &q->staged, now);
	if (q->link.phase != NBD_LINK_UP && q->link.phase != NBD_LINK_DOWN && now >= q->attempt_ms)
		queue_drop(q, "the server does not answer", now);
}

/* @was: the connection's phase before anything of this turn. */
static void queue_go_on(struct nbd_queue *q, enum nbd_link_phase was, int64_t now)
{
	/* What was done before the connection was lost counts when that is judged. */
	queue_finish(q);
	queue_follow(q, was, now);
	was = q->link.phase;
	if (!__atomic_load_n(&q->nbd->failed, __ATOMIC_ACQUIRE))
		queue_send(q);
	queue_finish(q);
	if (!nbd_link_check(&q->link))
		queue_follow(q, was, now);
	else if (q->leaving && TAILQ_EMPTY(&q->flight))
		queue_drop(q, "the server is shutting down", now);
	if (__atomic_load_n(&q->nbd->failed, __ATOMIC_ACQUIRE)) {
		nbd_link_close(&q->link);
		ops_finish(q, &q->flight, -EIO);
		ops_finish(q, &q->staged, -EIO);
	}
}

void nbd_queue_submit(void *state, struct blk_queue *pub, struct blk_req *req)
{
	struct nbd_queue *q = pub->driver_private;
	struct nbd_op *op = op_of(req);

	*op = (struct nbd_op){ .q = q, .since_ms = nbd_now_ms() };
	TAILQ_INSERT_TAIL(&q->staged, op, entry);
}

void nbd_queue_kick(void *state, struct blk_queue *pub)
{
	struct nbd_queue *q = pub->driver_private;

	queue_go_on(q, q->link.phase, nbd_now_ms());
}

void nbd_queue_reap(void *state, struct blk_queue *pub, uint32_t revents)
{
	struct nbd_queue *q = pub->driver_private;
	enum nbd_link_phase was = q->link.phase;
	int64_t now = nbd_now_ms();

	if (revents) {
		nbd_link_event(&q->link, revents);
	} else {
		queue_expire(q, now);
		was = q->link.phase;
		if (was == NBD_LINK_DOWN && now >= q->retry_ms && !q->nbd->failed)
			queue_connect(q, now);
	}
	queue_go_on(q, was, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void nbd_queue_poll(void *state, struct blk_queue *pub, struct blk_poll *poll)
{
	struct nbd_queue *q = pub->driver_private;
	struct nbd_op *next = TAILQ_FIRST(&q->staged);
	int64_t due = flight_due(q), now;

	poll->events = nbd_link_wants(&q->link, &poll->fd);
	poll->changes = q->link.changes;
	if (next)
		due = earlier(due, op_due(q, next));
	if (q->link.phase == NBD_LINK_DOWN && !q->nbd->failed)
		due = earlier(due, q->retry_ms);
	if (q->link.phase == NBD_LINK_CONNECTING || q->link.phase == NBD_LINK_GREETING)
		due = earlier(due, q->attempt_ms);
	if (due == INT64_MAX)
		return;
	now = nbd_now_ms();
	poll->timeout_ms = due <= now ? 0 : due - now > INT32_MAX ? INT32_MAX : (int)(due - now);
}

/* --- queues ---------------------------------------------------------------------------------------- */

int nbd_queue_start(void *state, struct blk_queue *pub)
{
	struct nbd_queue *q = calloc(1, sizeof(*q));
	struct nbd *n = state;

	if (!q)
		return -ENOMEM;
	q->nbd = n;
	q->pub = pub;
	TAILQ_INIT(&q->staged);
	TAILQ_INIT(&q->flight);
	TAILQ_INIT(&q->finished);
	pub->driver_private = q;
	pthread_mutex_lock(&n->lock);
	q->link = n->spare;
	n->spare = (struct nbd_link){ .fd = -1 };
	pthread_mutex_unlock(&n->lock);
	if (q->link.phase == NBD_LINK_DOWN && !n->failed) {
		queue_connect(q, nbd_now_ms());
		queue_follow(q, NBD_LINK_DOWN, nbd_now_ms());
	}
	return 0;
}

/* Kept for the next queue: that it ends meanwhile is noticed then. */
static void queue_leave(struct nbd_queue *q)
{
	struct nbd *n = q->nbd;

	pthread_mutex_lock(&n->lock);
	if (q->link.phase == NBD_LINK_UP && n->spare.phase == NBD_LINK_DOWN) {
		n->spare = q->link;
		q->link = (struct nbd_link){ .fd = -1 };
	}
	pthread_mutex_unlock(&n->lock);
	nbd_link_close(&q->link);
}

void nbd_queue_stop(void *state, struct blk_queue *pub)
{
	struct nbd_queue *q = pub->driver_private;

	queue_leave(q);
	free(q);
	pub->driver_private = NULL;
}

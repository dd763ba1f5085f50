// SPDX-License-Identifier: MIT
/*
 * What makes prepared requests wait before storage sees them: first the disk's limits,
 * then barriers (barrier.h says what is ordered), then, for flushes, one another. No thread ever waits here: what must
 * is put in a list, and the queue's loop comes back for it. Runs in the queue's thread.
 */
#include "config.h"
#include "backends/blk/queue-private.h"

/* --- one flush at a time --------------------------------------------------------------- */

static int request_flush_error(const struct queue *q)
{
	return __atomic_load_n(&q->shared->flush_error, __ATOMIC_ACQUIRE);
}

/* With the lock. */
static void request_flush_wait(struct queue *q, struct request *r)
{
	struct flush_rounds *f = &q->shared->flush;

	request_list_add(&q->flushes, r);
	if (q->flush_waits)
		return;
	q->flush_waits = true;
	q->flush_next = f->waiting;
	f->waiting = q;
}

/*
 * Writes that were acknowledged before a flush was taken are covered by any flush that
 * begins later, so it can share the next one, but not the one under way.
 */
static void request_flush(struct queue *q, struct request *r)
{
	struct flush_rounds *f = &q->shared->flush;
	int error;

	pthread_mutex_lock(&f->lock);
	error = request_flush_error(q);
	r->leads_flush = !error && f->begun == f->ended;
	r->flush_round = f->begun + 1;
	if (r->leads_flush)
		f->begun++;
	else if (!error)
		request_flush_wait(q, r);
	pthread_mutex_unlock(&f->lock);
	if (error)
		io_finish(&q->io, &r->io, error);
	else if (r->leads_flush)
		io_queue_submit(&q->io, &r->io);
}

void request_flush_ended(struct queue *q, struct request *r)
{
	struct flush_rounds *f = &q->shared->flush;

	r->leads_flush = false;
	pthread_mutex_lock(&f->lock);
	/* Error and end at once: nobody can be done while he is still in the list, or miss the error. */
	if (r->io.error)
		request_flush_failed(q, r->io.error);
	f->ended = f->begun;
	/* A queue that waits has to get the lock before it can go away. */
	for (struct queue *w = f->waiting; w; w = w->flush_next) {
		w->flush_waits = false;
		if (w != q)
			queue_poke(w);
	}
	f->waiting = NULL;
	pthread_mutex_unlock(&f->lock);
}

bool requests_pass_flushes(struct queue *q)
{
	struct flush_rounds *f = &q->shared->flush;
	struct request *r = q->flushes.first, *next;
	struct request_list over = { 0 };
	struct request *lead = NULL;
	int error;

	if (!r)
		return false;
	q->flushes = (struct request_list){ 0 };
	pthread_mutex_lock(&f->lock);
	error = request_flush_error(q);
	for (; r; r = next) {
		next = r->next;
		if (error || r->flush_round <= f->ended) {
			request_list_add(&over, r);
		} else if (f->begun == f->ended) {
			f->begun++;
			lead = r;
		} else {
			request_flush_wait(q, r);
		}
	}
	pthread_mutex_unlock(&f->lock);
	for (r = over.first; r; r = next) {
		next = r->next;
		io_finish(&q->io, &r->io, error);
	}
	if (lead) {
		lead->leads_flush = true;
		io_queue_submit(&q->io, &lead->io);
		io_kick(&q->io);
	}
	return lead || over.first;
}

/* --- the place among the barriers ------------------------------------------------------ */

static bool request_is_change(const struct request *r)
{
	return r->operation == BLKIF_OP_WRITE || r->operation == BLKIF_OP_DISCARD;
}

static uint32_t request_count_running(const struct queue *q)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < q->ring.nr; i++)
		n += q->requests[i].ordered &&
		     barrier_may_run(&q->barrier, q->requests[i].epoch);
	return n;
}

static void request_submit(struct queue *q, struct request *r)
{
	/* Whoever dies while it still waits did not die of it. */
	if (r->retried)
		journal_retry(&q->journal, r->index, r->attempts + 1);
	r->retried = false;
	if (!request_is_live(r))
		io_finish(&q->io, &r->io, 0);
	else if (r->io.op == BLK_FLUSH)
		request_flush(q, r);
	else if (r->io.op == BLK_DISCARD && r->io.length == 0)
		io_finish(&q->io, &r->io, 0);
	else
		io_queue_submit(&q->io, &r->io);
}

/* Submit what was held for barriers that ended. True: there was some. */
static bool request_release(struct queue *q)
{
	struct request *r = q->held.first;
	bool any = false;

	q->held = (struct request_list){ 0 };
	while (r) {
		struct request *next = r->next;

		if (!r->barrier && barrier_may_run(&q->barrier, r->epoch)) {
			request_submit(q, r);
			any = true;
		} else {
			request_list_add(&q->held, r);
		}
		r = next;
	}
	return any;
}

/* Take notice of what other queues did. True: requests were released. */
static bool request_sync_barriers(struct queue *q)
{
	if (!barrier_sync(&q->barrier))
		return false;
	barrier_recount(&q->barrier, request_count_running(q));
	return request_release(q);
}

void request_order_batch(struct queue *q)
{
	if (barrier_is_pending(&q->barrier) && request_sync_barriers(q))
		io_kick(&q->io);
	for (unsigned i = 0; i < q->nbatch; i++) {
		struct request *r = q->batch[i];

		if (!request_is_live(r))
			continue;
		if (request_is_change(r)) {
			r->ordered = true;
			r->epoch = barrier_take(&q->barrier);
		} else if (r->operation == BLKIF_OP_WRITE_BARRIER) {
			r->step = BARRIER_HELD;
			r->barrier = barrier_announce(&q->barrier);
		}
	}
}

void request_order_end(struct queue *q, struct request *r)
{
	if (!r->ordered)
		return;
	r->ordered = false;
	/* One that was refused before its epoch came was never counted. */
	if (barrier_may_run(&q->barrier, r->epoch))
		barrier_end(&q->barrier);
}

static void request_order(struct queue *q, struct request *r)
{
	if (r->barrier)
		request_list_add(&q->barriers, r);
	else if (r->ordered && !barrier_may_run(&q->barrier, r->epoch))
		request_list_add(&q->held, r);
	else
		request_submit(q, r);
}

/* --- executing a barrier --------------------------------------------------------------- */

static void request_barrier_flush(struct request *r, enum barrier_step step)
{
	r->step = step;
	r->io.op = BLK_FLUSH;
	r->io.offset = 0;
	r->io.length = 0;
	r->io.niov = 0;
}

static void request_barrier_write(struct request *r)
{
	r->step = BARRIER_WRITE;
	r->io.op = BLK_WRITE;
	r->io.offset = r->req.sector * BLKIF_SECTOR_SIZE;
	r->io.length = r->data_bytes;
	r->io.niov = r->niov;
}

/*
 * What came before becomes durable, then its own data are written, then they become
 * durable. False: there is no step left.
 */
static bool request_barrier_step(struct queue *q, struct request *r)
{
	bool flush = q->setup.limits.flush;
	bool write = r->data_bytes > 0;

	if (r->step == BARRIER_HELD && flush)
		request_barrier_flush(r, BARRIER_FLUSH_BEFORE);
	else if (r->step < BARRIER_WRITE && write)
		request_barrier_write(r);
	else if (r->step == BARRIER_WRITE && flush)
		request_barrier_flush(r, BARRIER_FLUSH_AFTER);
	else
		return false;
	request_submit(q, r);
	return true;
}

static void request_execute_barrier(struct queue *q, struct request *r)
{
	r->niov = r->io.niov;
	if (!request_is_live(r) || !request_barrier_step(q, r))
		io_finish(&q->io, &r->io, 0);
}

bool request_barrier_goes_on(struct queue *q, struct request *r)
{
	if (request_is_live(r) && !r->io.error && request_barrier_step(q, r))
		return true;
	barrier_finish(&q->barrier, r->barrier);
	r->barrier = 0;
	return false;
}

/* It is the first, unless one before it still waits for room or for the limits. */
static struct request *request_take_barrier(struct queue *q, uint64_t number)
{
	struct request_list rest = { 0 };
	struct request *found = NULL;

	while (q->barriers.first && !found) {
		struct request *r = request_list_take(&q->barriers);

		if (r->barrier == number)
			found = r;
		else
			request_list_add(&rest, r);
	}
	while (rest.first && q->barriers.first)
		request_list_add(&rest, request_list_take(&q->barriers));
	if (rest.first)
		q->barriers = rest;
	return found;
}

static bool request_start_barrier(struct queue *q)
{
	uint64_t number = barrier_next(&q->barrier);
	struct request *r;

	if (!number || number == q->executing)
		return false;
	r = request_take_barrier(q, number);
	if (!r)
		return false; /* not that far yet */
	q->executing = number;
	request_execute_barrier(q, r);
	return true;
}

bool requests_pass_barriers(struct queue *q)
{
	bool any = request_sync_barriers(q);

	any |= request_start_barrier(q);
	if (any)
		io_kick(&q->io);
	barrier_report(&q->barrier);
	return any;
}

/* --- the disk's limits -------------------------------------------------------------------- */

void request_start(struct queue *q, struct request *r)
{
	struct throttle *t = &q->throttle[r->operation != BLKIF_OP_READ];

	if (request_is_live(r) && r->data_bytes &&
		(t->list.first || limit_is_active(&q->shared->limit)))
		request_list_add(&t->list, r); /* requests_unthrottle() comes at once */
	else
		request_order(q, r);
}

/* Whether the first may start. A queue that stops is done with what it took at once. */
static bool request_has_tokens(struct queue *q, struct throttle *t, uint64_t now)
{
	struct limit *l = &q->shared->limit;
	uint32_t version = limit_version(l);

	if (!limit_is_active(l))
		return true;
	if (!t->reserved || t->version != version) {
		t->start_ns = limit_reserve(l, t == &q->throttle[1], t->list.first->data_bytes, now);
		t->version = version;
		t->reserved = true;
	}
	return t->start_ns <= now || q->stopping || q->failure[0];
}

bool requests_unthrottle(struct queue *q)
{
	bool any = false;
	uint64_t now;

	if (!q->throttle[0].list.first && !q->throttle[1].list.first)
		return false;
	now = spin_now_ns();
	for (unsigned i = 0; i < 2; i++) {
		struct throttle *t = &q->throttle[i];

		while (t->list.first && request_has_tokens(q, t, now)) {
			t->reserved = false;
			request_order(q, request_list_take(&t->list));
			any = true;
		}
	}
	return any;
}

uint64_t requests_next_start(const struct queue *q)
{
	uint64_t next = 0;

	for (unsigned i = 0; i < 2; i++) {
		const struct throttle *t = &q->throttle[i];

		if (t->list.first && (!next || t->start_ns < next))
			next = t->start_ns;
	}
	return next;
}

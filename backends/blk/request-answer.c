// SPDX-License-Identifier: MIT
/*
 * From finished storage operations to responses: exactly one per request, from private
 * copies alone. Runs in the queue's thread.
 */
#include "config.h"
#include "backends/blk/queue-private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "backends/common/metrics.h"
#include "common/array.h"

void request_flush_failed(struct queue *q, int error)
{
	int none = 0;

	if (!__atomic_compare_exchange_n(&q->shared->flush_error, &none, error, false,
		    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	journal_note_flush_error(q->shared->journal, error);
	log_err("a flush failed: %s; acknowledged writes may be lost, so every flush fails until the disk is attached again",
		strerror(-error));
}

static void request_storage_failed(struct queue *q, struct request *r)
{
	static const char *const names[] = { "read", "write", "flush", "discard", "zero" };

	if (r->io.op == BLK_FLUSH)
		request_flush_failed(q, r->io.error);
	/*
	 * For a flush frontends take EOPNOTSUPP as success, and flush no more; for a discard it
	 * is what tells them to stop trying.
	 */
	r->status = r->io.op == BLK_DISCARD && r->io.error == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP :
									     BLKIF_RSP_ERROR;
	/* A disconnect cuts long discards short: nothing is wrong with the storage. */
	if (r->io.op == BLK_DISCARD && r->io.error == -ECANCELED && q->stopping)
		return;
	metric_add(&q->metric[QUEUE_ERRORS], 1);
	if (log_limit_ok(&q->error_limit))
		log_err("%s of %" PRIu64 " bytes at %" PRIu64 " failed: %s", names[r->io.op],
			r->io.length, r->io.offset, strerror(-r->io.error));
}

/* How a request of each operation is counted. */
struct request_kind {
	enum metrics_op op;
	enum queue_metric count, bytes;
};

static struct request_kind request_kind(const struct request *r)
{
	switch (r->operation) {
	case BLKIF_OP_READ:
		return (struct request_kind){ METRICS_OP_READ, QUEUE_READS, QUEUE_READ_BYTES };
	case BLKIF_OP_WRITE:
		return (struct request_kind){ METRICS_OP_WRITE, QUEUE_WRITES, QUEUE_WRITTEN_BYTES };
	case BLKIF_OP_WRITE_BARRIER:
		return (struct request_kind){ METRICS_OP_BARRIER, QUEUE_BARRIERS, QUEUE_WRITTEN_BYTES };
	case BLKIF_OP_DISCARD:
		return (struct request_kind){ METRICS_OP_DISCARD, QUEUE_DISCARDS, QUEUE_METRICS };
	default:
		return (struct request_kind){ METRICS_OP_FLUSH, QUEUE_FLUSHES, QUEUE_METRICS };
	}
}

static void request_count(struct queue *q, const struct request *r, uint64_t now_ns)
{
	struct request_kind kind = request_kind(r);
	struct metrics_latency *latency = &q->shown->latency[kind.op];
	uint64_t ns = now_ns - r->taken_ns;

	if (!request_is_live(r))
		return;
	metric_add(&q->metric[kind.count], 1);
	if (kind.bytes != QUEUE_METRICS)
		metric_add(&q->metric[kind.bytes], r->data_bytes);
	metric_add(&latency->sum_ns, ns);
	metric_add(&latency->bucket[metrics_bucket(ns)], 1);
}

static void request_answer(struct queue *q, struct request *r, uint64_t now_ns)
{
	struct blkif_rsp rsp = { .id = r->id, .operation = r->operation, .status = r->status };
	uint8_t out[BLKIF_SLOT_MAX];

	request_count(q, r, now_ns);
	request_order_end(q, r);
	if (r->bounce != COPY_NONE)
		copy_free(&q->copy, r->bounce, r->bounce_pages);
	r->bounce = COPY_NONE;
	if (q->failure[0])
		return; /* nobody reads a broken ring */
	journal_answer(&q->journal, r->index, q->ring.rsp_prod, r->status);
	blkif_encode_rsp(q->setup.abi, &rsp, out);
	ring_back_put(&q->ring, out, blkif_rsp_size(q->setup.abi));
}

/* What is over; barriers that take another step are under way again. */
static struct request *request_done_list(struct queue *q, bool *again)
{
	struct blk_req *io = io_take_done(&q->io);
	struct request *list = NULL, **tail = &list;

	while (io) {
		struct request *r = container_of(io, struct request, io);

		io = io->next;
		if (r->leads_flush)
			request_flush_ended(q, r);
		if (r->barrier && request_barrier_goes_on(q, r)) {
			*again = true;
			continue;
		}
		*tail = r;
		tail = &r->next;
	}
	*tail = NULL;
	return list;
}

static void request_notify(struct queue *q)
{
	metric_add(&q->metric[QUEUE_NOTIFICATIONS], 1);
	if (xenevtchn_notify(q->xce, q->port) < 0)
		queue_fail(q, "the event channel of ring %u cannot be signalled: %s",
			q->setup.index, strerror(errno));
}

static void request_idle(struct queue *q, struct request *r)
{
	/* What a broken ring's frontend was not answered stays owed. */
	if (!q->failure[0])
		journal_commit(&q->journal, r->index);
	r->next = q->idle;
	q->idle = r;
	q->idle_count++;
}

void requests_put_recorded(struct queue *q)
{
	struct request *r, *next;

	for (r = q->recorded.first; r; r = r->next) {
		struct blkif_rsp rsp = { .id = r->id, .operation = r->operation, .status = r->status };
		uint8_t out[BLKIF_SLOT_MAX];

		/* At the index that the journal has for it: nothing is to be recorded. */
		blkif_encode_rsp(q->setup.abi, &rsp, out);
		ring_back_put(&q->ring, out, blkif_rsp_size(q->setup.abi));
	}
	(void)ring_back_push(&q->ring);
	request_notify(q);
	for (r = q->recorded.first; r; r = next) {
		next = r->next;
		request_idle(q, r);
	}
	q->recorded = (struct request_list){ 0 };
}

bool requests_finish(struct queue *q)
{
	bool again = false;
	struct request *list = request_done_list(q, &again);
	struct request *r;
	uint64_t now_ns;

	if (again)
		io_kick(&q->io);
	if (!list)
		return again;
	for (r = list; r; r = r->next) {
		if (request_is_live(r) && r->io.error)
			request_storage_failed(q, r);
		else if (request_is_live(r) && r->bounce != COPY_NONE && r->io.op == BLK_READ)
			request_stage_copies(q, r, COPY_OUT);
	}
	grant_copy_run(&q->copy.batch, request_copy_failed, q);
	now_ns = spin_now_ns();
	for (r = list; r; r = r->next)
		request_answer(q, r, now_ns);
	if (!q->failure[0] && ring_back_push(&q->ring))
		request_notify(q);
	while ((r = list)) {
		list = r->next;
		request_idle(q, r);
	}
	metric_set(&q->shown->in_flight, requests_in_flight(q));
	return true;
}

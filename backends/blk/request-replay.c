// SPDX-License-Identifier: MIT
/*
 * Requests that a killed predecessor took, done again. Runs in the queue's thread, but
 * for requests_resume(), which runs before there is one.
 *
 * They go the way of new ones, in ring order and before any of these. One whose replay
 * was cut short by another death may be what kills: such are replayed one at a time, so
 * that they take no others with them, and after REPLAY_STRIKES deaths not any more.
 */
#include "config.h"
#include "backends/blk/queue-private.h"

#include <errno.h>
#include <inttypes.h>

#define REPLAY_STRIKES 3u

static bool replay_is_answer(int16_t status)
{
	return status == BLKIF_RSP_OKAY || status == BLKIF_RSP_ERROR ||
	       status == BLKIF_RSP_EOPNOTSUPP;
}

int requests_resume(struct queue *q, struct request *r, const struct journal_entry *e)
{
	/* Anybody may have written it: all that is checked of a slot of the ring is checked of it. */
	request_begin(q, r, e->slot);
	r->attempts = e->attempts;
	q->nresumed++;
	if (e->state != JOURNAL_ANSWERED) {
		request_list_add(&q->replay, r);
		q->replay_left++;
		return 0;
	}
	if (!replay_is_answer(e->status))
		return -EPROTO;
	r->status = e->status;
	q->nrecorded++;
	return 0;
}

/* The dead: the backend that took it, and one for each replay. */
static bool replay_is_fatal(const struct request *r)
{
	return r->attempts + 1u >= REPLAY_STRIKES;
}

static void replay_start(struct queue *q, struct request *r, uint64_t now_ns)
{
	q->replay_left--;
	q->batch[q->nbatch++] = r;
	r->taken_ns = now_ns;
	if (!replay_is_fatal(r)) {
		q->suspect = r->attempts > 0;
		r->retried = true;
		return;
	}
	log_err("domain %u: queue %u: operation %u at sector %" PRIu64
		" was under way when %u backends died, and is answered with an error",
		q->setup.domid, q->setup.index, r->operation, r->req.sector, REPLAY_STRIKES);
	r->status = BLKIF_RSP_ERROR;
}

unsigned request_replay_batch(struct queue *q)
{
	uint64_t now_ns = spin_now_ns();

	if (q->suspect && requests_in_flight(q) > q->replay_left)
		return 0;
	q->suspect = false;
	while (q->replay.first && q->nbatch < QUEUE_BATCH && !q->suspect) {
		/* A suspect starts when nothing else runs. */
		if (q->replay.first->attempts && requests_in_flight(q) > q->replay_left)
			break;
		replay_start(q, request_list_take(&q->replay), now_ns);
	}
	return q->nbatch;
}

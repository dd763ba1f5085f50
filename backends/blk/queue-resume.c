// SPDX-License-Identifier: MIT
/*
 * Where a killed predecessor stopped in a ring: from its journal, which is hostile input,
 * and the ring's published response index, which the frontend may have written. Runs in
 * the control thread, before the queue's. What a frontend gains by lying is confusion of
 * its own disk; all that is taken over is checked like a request that it sends.
 */
#include "config.h"
#include "backends/blk/queue-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/common/journal-read.h"

static bool resume_same_ring(const struct queue *q, const struct journal_ring *ring)
{
	return ring->entries == q->ring.nr && ring->slot_size == q->ring.slot_size &&
	       ring->abi == (uint32_t)q->setup.abi &&
	       ring->remote_port == q->setup.nodes.event_channel &&
	       ring->ring_refs == q->ring_page_count &&
	       memcmp(ring->ring_ref, q->setup.nodes.ring_ref,
		       q->ring_page_count * sizeof(ring->ring_ref[0])) == 0;
}

/* The requests that are not owed an answer, in the order of requests_init(). */
static void resume_idle(struct queue *q, const bool *owed)
{
	q->idle = NULL;
	q->idle_count = 0;
	for (uint32_t i = q->ring.nr; i-- > 0;) {
		if (owed[i])
			continue;
		/* Also one whose answer was published last thing: its index must not come up again. */
		journal_commit(&q->journal, i);
		q->requests[i].next = q->idle;
		q->idle = &q->requests[i];
		q->idle_count++;
	}
}

static int resume_requests(struct queue *q, const struct journal_entry *const *pending, unsigned n)
{
	const struct journal_image *image = journal_predecessor(q->shared->journal);
	struct request *by_answer[JOURNAL_MAX_ENTRIES];
	bool owed[JOURNAL_MAX_ENTRIES] = { false };

	for (unsigned i = 0; i < n; i++) {
		const struct journal_entry *e = pending[i];
		unsigned at = journal_image_index(image, q->setup.index, e);
		int rc = requests_resume(q, &q->requests[at], e);

		if (rc < 0)
			return rc;
		owed[at] = true;
		if (e->state == JOURNAL_ANSWERED)
			by_answer[e->rsp_index - q->ring.rsp_prod] = &q->requests[at];
	}
	/* Answers follow each other from the published index on: journal_image_pending(). */
	for (uint32_t i = 0; i < q->nrecorded; i++)
		request_list_add(&q->recorded, by_answer[i]);
	resume_idle(q, owed);
	return 0;
}

int queue_resume(struct queue *q, char *why, size_t room)
{
	const struct journal_image *image = journal_predecessor(q->shared->journal);
	const struct journal_ring *ring = journal_image_ring(image, q->setup.index);
	const struct journal_entry *pending[JOURNAL_MAX_ENTRIES];
	char reason[128];
	uint32_t req_cons;
	int n, rc;

	if (!ring || !resume_same_ring(q, ring)) {
		snprintf(why, room, "its journal is not about ring %u as it is now", q->setup.index);
		return -EPROTO;
	}
	n = journal_image_pending(image, q->setup.index, q->ring.rsp_prod, pending, q->ring.nr,
		&req_cons, reason, sizeof(reason));
	if (n < 0) {
		snprintf(why, room, "its journal is no use (%s)", reason);
		return n;
	}
	rc = ring_back_resume(&q->ring, n);
	if (rc == 0)
		rc = journal_adopt(q->shared->journal, q->setup.index, q->port, &q->journal);
	if (rc == 0)
		rc = resume_requests(q, pending, n);
	if (rc < 0)
		snprintf(why, room, "what it left of ring %u cannot be gone on with (%s)",
			q->setup.index, strerror(-rc));
	return rc;
}

unsigned queue_resumed(const struct queue *q, unsigned *answered)
{
	*answered = q->nrecorded;
	return q->nresumed;
}

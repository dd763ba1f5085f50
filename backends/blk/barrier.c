// SPDX-License-Identifier: MIT
/* Barriers: see barrier.h for the order that they make. Any queue's thread. */
#include "config.h"
#include "backends/blk/barrier.h"

#include <string.h>

void barrier_init(struct barrier *b, void (*wake)(void *queue))
{
	memset(b, 0, sizeof(*b));
	pthread_mutex_init(&b->lock, NULL);
	b->wake = wake;
}

void barrier_dispose(struct barrier *b)
{
	pthread_mutex_destroy(&b->lock);
}

/* With the lock: the next barrier's owner is told once all queues are drained for it. */
static void barrier_check(struct barrier *b)
{
	uint64_t next = b->done + 1;
	unsigned owner;

	if (b->ready == next || b->announced < next)
		return;
	for (unsigned i = 0; i < BARRIER_MAX_QUEUES; i++)
		if (b->joined[i] && b->drained[i] < next)
			return;
	b->ready = next;
	owner = b->owner[next % BARRIER_MAX_PENDING];
	b->wake(b->queue[owner]);
}

static void barrier_wake_all(struct barrier *b)
{
	for (unsigned i = 0; i < BARRIER_MAX_QUEUES; i++)
		if (b->joined[i])
			b->wake(b->queue[i]);
}

void barrier_join(struct barrier *b, struct barrier_queue *bq, unsigned index, void *queue)
{
	pthread_mutex_lock(&b->lock);
	*bq = (struct barrier_queue){
		.shared = b,
		.index = index,
		.epoch = b->announced,
		.done = b->done,
		.drained = b->done,
	};
	b->joined[index] = true;
	b->queue[index] = queue;
	b->drained[index] = b->done;
	pthread_mutex_unlock(&b->lock);
}

void barrier_leave(struct barrier_queue *bq)
{
	struct barrier *b = bq->shared;

	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	b->joined[bq->index] = false;
	barrier_check(b); /* the others may have waited for us alone */
	pthread_mutex_unlock(&b->lock);
	bq->shared = NULL;
}

uint64_t barrier_announce(struct barrier_queue *bq)
{
	struct barrier *b = bq->shared;
	uint64_t number;

	pthread_mutex_lock(&b->lock);
	number = b->announced + 1;
	b->owner[number % BARRIER_MAX_PENDING] = bq->index;
	/* Release: whoever sees the number finds its owner. Pairs with the looks after taking. */
	__atomic_store_n(&b->announced, number, __ATOMIC_RELEASE);
	barrier_wake_all(b);
	pthread_mutex_unlock(&b->lock);
	bq->epoch = number;
	return number;
}

uint64_t barrier_next(struct barrier_queue *bq)
{
	struct barrier *b = bq->shared;
	uint64_t number;

	pthread_mutex_lock(&b->lock);
	number = b->ready;
	if (number == b->done || b->owner[number % BARRIER_MAX_PENDING] != bq->index)
		number = 0;
	pthread_mutex_unlock(&b->lock);
	return number;
}

void barrier_finish(struct barrier_queue *bq, uint64_t number)
{
	struct barrier *b = bq->shared;

	pthread_mutex_lock(&b->lock);
	b->done = number; /* only the next one is ever ready */
	barrier_wake_all(b);
	pthread_mutex_unlock(&b->lock);
}

bool barrier_sync(struct barrier_queue *bq)
{
	struct barrier *b = bq->shared;
	bool ended;

	pthread_mutex_lock(&b->lock);
	ended = b->done != bq->done;
	bq->done = b->done;
	bq->epoch = b->announced;
	pthread_mutex_unlock(&b->lock);
	return ended;
}

void barrier_report(struct barrier_queue *bq)
{
	struct barrier *b = bq->shared;
	uint64_t next = bq->done + 1;

	/* Before we took notice of it, more could come before it. */
	if (bq->running || bq->epoch < next || bq->drained >= next)
		return;
	bq->drained = next;
	pthread_mutex_lock(&b->lock);
	b->drained[bq->index] = next;
	barrier_check(b);
	pthread_mutex_unlock(&b->lock);
}

/* SPDX-License-Identifier: MIT */
/*
 * WRITE_BARRIER across all rings of a device, without a thread that waits. Pure: no
 * rings, no storage; the caller wakes queues and executes.
 *
 * What "before" means. A device's barriers are numbered from 1 by the order in which they
 * are announced. Each queue, after taking requests from its ring, looks at the number of
 * barriers announced: what it took belongs to the epoch of that number. A barrier
 * numbered k comes after all changes (writes, discards, barriers) of epochs below k and
 * before those of epoch k and later, whichever ring they came by. So a change that
 * a ring's thread took before the barrier was announced is before it; one that a frontend
 * puts in any ring after it saw the barrier's answer, or that a thread takes after the
 * announcement, is after it. Reads and flushes are not ordered: blkif.h speaks of writes.
 *
 * How it goes. Changes of an epoch run only when all barriers up to that epoch are done:
 * later ones are held by their queue. When a queue has no change left that runs, it
 * says so for the next barrier; the last to say so wakes the barrier's owner, which
 * executes it and finishes it, and that wakes all to release the next epoch.
 * While no barrier is pending a sweep costs one load.
 */
#ifndef SLUICE_BACKENDS_BLK_BARRIER_H
#define SLUICE_BACKENDS_BLK_BARRIER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

#define BARRIER_MAX_QUEUES 8u
/** Barriers that can be pending: all slots of all the largest rings. */
#define BARRIER_MAX_PENDING (BARRIER_MAX_QUEUES * 512u)

/** struct barrier - a device's; for the life of the process. All fields are private. */
struct barrier {
	uint64_t announced;  /* atomic; written under the lock */
	pthread_mutex_t lock;
	uint64_t done;       /* barriers finished: all up to this number */
	uint64_t ready;      /* the barrier that may execute; done: none */
	uint64_t drained[BARRIER_MAX_QUEUES]; /* per queue: nothing of epochs below runs */
	bool joined[BARRIER_MAX_QUEUES];
	void *queue[BARRIER_MAX_QUEUES];
	uint8_t owner[BARRIER_MAX_PENDING]; /* the queue of barrier number n, at n modulo the size */
	void (*wake)(void *queue);
};

/** struct barrier_queue - a queue's part; only its thread uses it. Zero: not joined. */
struct barrier_queue {
	struct barrier *shared;
	unsigned index;
	uint64_t epoch;      /* of what is taken now */
	uint64_t done;       /* barriers known to be finished */
	uint64_t drained;    /* the barrier that we said we are drained for */
	uint32_t running;    /* changes of epochs up to @done, taken and not finished */
};

/**
 * barrier_init() - no barrier, no queue.
 * @wake: makes a queue's thread call barrier_sync() soon; called by other queues'
 *	threads, with a lock held: it must not call back
 */
void barrier_init(struct barrier *b, void (*wake)(void *queue));
void barrier_dispose(struct barrier *b);

/** barrier_join() - the queue takes part. @index: below BARRIER_MAX_QUEUES, its own. */
void barrier_join(struct barrier *b, struct barrier_queue *bq, unsigned index, void *queue);
/** barrier_leave() - it has nothing left in flight and takes no more. May run twice. */
void barrier_leave(struct barrier_queue *bq);

/** barrier_is_pending() - the look after taking: whether a sweep must care. */
static inline bool barrier_is_pending(const struct barrier_queue *bq)
{
	return bq->shared &&
	       /* Acquire: what follows is ordered after the announcement that it sees. */
	       __atomic_load_n(&bq->shared->announced, __ATOMIC_ACQUIRE) != bq->done;
}

/** barrier_take() - count a change that was taken. Return: its epoch. */
static inline uint64_t barrier_take(struct barrier_queue *bq)
{
	if (bq->epoch == bq->done)
		bq->running++;
	return bq->epoch;
}
/** barrier_may_run() - whether a change of this epoch may start. */
static inline bool barrier_may_run(const struct barrier_queue *bq, uint64_t epoch)
{
	return epoch <= bq->done;
}
/** barrier_end() - a change that barrier_may_run() let start, or refused later, is over. */
static inline void barrier_end(struct barrier_queue *bq)
{
	bq->running--;
}

/**
 * barrier_announce() - a barrier was taken: what is taken later comes after it.
 * Return: its number. The caller executes it once barrier_next() gives it, and then calls
 * barrier_finish(), whatever became of it; also when it turned out to be refused.
 */
uint64_t barrier_announce(struct barrier_queue *bq);
/**
 * barrier_next() - the barrier whose turn it is, if it is ours: all that comes before it
 * is done. The same until barrier_finish(). Return: its number, or 0.
 */
uint64_t barrier_next(struct barrier_queue *bq);
/** barrier_finish() - barrier @number was executed, or failed. */
void barrier_finish(struct barrier_queue *bq, uint64_t number);

/**
 * barrier_sync() - take notice of announcements and ends; after taking and after waking,
 * while barrier_is_pending(). True: barriers ended: recount running with
 * barrier_recount(), then release what may run.
 */
bool barrier_sync(struct barrier_queue *bq) must_check;
/** barrier_recount() - @running: changes in flight here of epochs up to the last end. */
static inline void barrier_recount(struct barrier_queue *bq, uint32_t running)
{
	bq->running = running;
}
/**
 * barrier_report() - say that nothing that comes before the next barrier is left here, if
 * that is so. After each sweep while barrier_is_pending(), when all that was released
 * is counted.
 */
void barrier_report(struct barrier_queue *bq);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * One ring of a connected frontend: its mapping, event channel and thread. The
 * control thread creates, starts, stops and destroys; everything between happens in
 * the queue's own thread.
 */
#ifndef SLUICE_BACKENDS_BLK_QUEUE_H
#define SLUICE_BACKENDS_BLK_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/blk/barrier.h"
#include "backends/blk/io.h"
#include "backends/blk/limit.h"
#include "backends/blk/uring-slot.h"
#include "backends/common/journal.h"
#include "backends/common/metrics-page.h"
#include "protocol/blkif-nodes.h"

struct queue;

/**
 * struct flush_rounds - one flush at a time for all queues of a device.
 *
 * Of flushes that run side by side the kernel tells only one that data were lost
 * (errseq_t(3): an error is seen once per open file), and the other, whose writes may be the
 * lost ones, succeeds. So a flush that comes while one is under way waits for the next
 * round, in which one flush is made for all that wait.
 */
struct flush_rounds {
	pthread_mutex_t lock;
	uint64_t begun, ended; /* rounds; equal while no flush is under way */
	struct queue *waiting; /* to be woken when it ends */
};

/** struct queue_shared - what the queues of a device share, for the life of the process. */
struct queue_shared {
	struct io *io;
	struct journal *journal; /* NULL: none */
	struct metrics_page *metrics; /* NULL: nobody looks */
	/*
	 * A failed flush, -errno, never cleared: the storage lost data that writes
	 * acknowledged before it, and a later flush that succeeds would hide that.
	 */
	int flush_error;
	struct flush_rounds flush;
	unsigned poll_us; /* longest spin before sleeping, 0: none */
	uint64_t sectors; /* atomic: the disk's size now, 512-byte units */
	bool resized;     /* atomic: the storage says that it has another; ended_fd was written */
	struct barrier barrier;
	struct limit limit; /* after limit_set(): queue_poke() them all */
	struct uring_slot slot[BLKIF_MAX_QUEUES]; /* of the queue with that index */
};
/** queue_shared_init() - all zero, no limits. */
void queue_shared_init(struct queue_shared *shared);
/**
 * queue_shared_prepare() - open what @queues queues are served with, before paths can no
 * longer be opened; else each queue does when it is created. 0, or -errno with @why.
 */
int queue_shared_prepare(struct queue_shared *shared, unsigned queues, char *why,
	size_t room) must_check;
/** queue_shared_dispose() - when no queue is left; storage and journal stay the caller's. */
void queue_shared_dispose(struct queue_shared *shared);

/** struct queue_setup - what a connection's negotiation gave for one ring. */
struct queue_setup {
	unsigned index;
	uint32_t domid;
	enum blkif_abi abi;
	bool persistent; /* both sides want persistent grants */
	uint64_t features; /* METRICS_FEATURE_, to be shown */
	struct blkif_limits limits;
	struct blkif_queue_nodes nodes;
	bool resume; /* go on with what the journal's predecessor left */
	int ended_fd; /* an eventfd that is written when the thread ends or the storage resizes; the caller's */
};

/**
 * queue_create() - map the ring and bind the event channel.
 * @shared: outlives the queue
 *
 * Return: 0, or -errno with @why.
 */
int queue_create(struct queue_shared *shared, const struct queue_setup *setup, struct queue **queue,
	char *why, size_t why_room) must_check;

/** queue_resumed() - after a resume: how many requests it took over; of them @answered were done. */
unsigned queue_resumed(const struct queue *q, unsigned *answered);

/** queue_start() - start the thread, which then waits for queue_go(). 0, or -errno with @why. */
int queue_start(struct queue *q, char *why, size_t why_room) must_check;
/** queue_go() - serve; after all queues of the device have started. */
void queue_go(struct queue *q);
/** queue_poke() - let it look around; any thread. */
void queue_poke(struct queue *q);

/**
 * queue_stop() - ask the thread to take no more requests, answer those taken and end.
 *
 * Does not wait: ended_fd tells. May be called again, and on a queue that ended.
 */
void queue_stop(struct queue *q);

/** queue_has_ended() - the thread is over (or never started). */
bool queue_has_ended(struct queue *q);
/** queue_failure() - why it ended by itself, NULL: it did not. After queue_has_ended(). */
const char *queue_failure(const struct queue *q);

/** queue_destroy() - unmap and free. Only when it has ended; NULL is fine. */
void queue_destroy(struct queue *q);

/** enum queue_metric - see enum metrics_counter. */
enum queue_metric {
	QUEUE_READS = METRICS_READS,
	QUEUE_READ_BYTES = METRICS_READ_BYTES,
	QUEUE_WRITES = METRICS_WRITES,
	QUEUE_WRITTEN_BYTES = METRICS_WRITTEN_BYTES,
	QUEUE_FLUSHES = METRICS_FLUSHES,
	QUEUE_BARRIERS = METRICS_BARRIERS,
	QUEUE_DISCARDS = METRICS_DISCARDS,
	QUEUE_REFUSED = METRICS_REFUSED,
	QUEUE_ERRORS = METRICS_ERRORS,
	QUEUE_COPIED = METRICS_COPIED,
	QUEUE_SWEEPS = METRICS_SWEEPS,
	QUEUE_NOTIFICATIONS = METRICS_NOTIFICATIONS,
	QUEUE_WAKEUPS = METRICS_WAKEUPS,
	QUEUE_MAPPED = METRICS_MAPPED,
	QUEUE_INDIRECT = METRICS_INDIRECT,
	QUEUE_POLL_HITS = METRICS_POLL_HITS,
	QUEUE_POLL_MISSES = METRICS_POLL_MISSES,
	QUEUE_METRICS = METRICS_COUNTERS
};
/**
 * queue_metrics() - QUEUE_METRICS counters, live; with a metrics page of all connections
 * so far, else of this one.
 */
const uint64_t *queue_metrics(const struct queue *q);
extern const char *const queue_metric_names[QUEUE_METRICS];

#endif

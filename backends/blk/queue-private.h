/* SPDX-License-Identifier: MIT */
/* What queue.c (thread and ring) and request.c (requests) share; nobody else. */
#ifndef SLUICE_BACKENDS_BLK_QUEUE_PRIVATE_H
#define SLUICE_BACKENDS_BLK_QUEUE_PRIVATE_H

#include <liburing.h>
#include <pthread.h>
#include <semaphore.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "backends/blk/copy.h"
#include "backends/blk/grants.h"
#include "backends/blk/queue.h"
#include "common/log.h"
#include "common/spin.h"
#include "protocol/ring.h"

/* Most requests per sweep: the frontend works on one batch's answers during the next. */
#define QUEUE_BATCH 16u

/** struct request - one request in flight; as many as the ring has slots. */
struct request {
	struct blk_req io;   /* the driver's view */
	struct request *next;
	uint64_t id;
	uint32_t index;      /* in q->requests and in the journal */
	uint32_t bounce;     /* first page in the arena, COPY_NONE */
	uint16_t bounce_pages;
	int16_t status;      /* BLKIF_RSP_* */
	uint8_t operation;   /* as the response must say */
	bool copied;         /* its pages are not mapped: grant copy */
	struct blkif_req req;
	struct iovec iov[BLKIF_INDIRECT_SEGMENTS];
};

struct queue {
	struct blk_queue pub;
	struct io_queue io;
	struct queue_shared *shared;
	struct queue_setup setup;

	/* the ring */
	struct ring_back ring;
	void *ring_pages;
	uint32_t ring_page_count;
	xengnttab_handle *xgt;
	xenevtchn_handle *xce;
	int port;
	bool masked;         /* an event was taken and the port not unmasked since */

	/* requests */
	struct request *requests;
	struct request *idle;
	struct request *waiting, **waiting_tail; /* for room in the arena */
	uint32_t idle_count;
	struct request *batch[QUEUE_BATCH];
	unsigned nbatch;
	struct grants grants;
	struct copy copy;
	uint8_t *descriptors; /* copies of indirect pages, one stride per request in a batch */
	struct journal_queue journal;

	/* the thread */
	struct io_uring uring;
	pthread_t thread;
	sem_t started;
	int start_error;
	bool has_thread, uring_ready, io_ready;
	int control_fd;      /* an eventfd: queue_stop() */
	struct blk_cqe control_cqe, event_cqe, trim_cqe;
	bool event_armed, trim_armed;
	struct __kernel_timespec trim_after;
	struct spin spin;
	bool stopping;       /* told to stop */
	bool ended;          /* atomic: the thread is over */
	char failure[160];   /* why the queue broke; "" while it has not */

	uint64_t metric[QUEUE_METRICS];
	struct log_limit bad_limit, error_limit;
};

/** queue_fail() - the ring or what it needs is broken: take no more, say why once. */
void queue_fail(struct queue *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** requests_init() - allocate all that requests need; 0 or -ENOMEM. */
int requests_init(struct queue *q) must_check;
/** requests_dispose() - unmap and free; nothing may be in flight; may run twice. */
void requests_dispose(struct queue *q);

/**
 * requests_sweep() - take what waits in the ring (at most QUEUE_BATCH) and submit it.
 * @take: false: only what was taken before and waited for room
 *
 * Return: whether there was anything.
 */
bool requests_sweep(struct queue *q, bool take);
/** requests_finish() - answer what is done, one push, at most one event. True: some was. */
bool requests_finish(struct queue *q);
/** requests_in_flight() - taken and not answered. */
static inline uint32_t requests_in_flight(const struct queue *q)
{
	return q->ring.nr - q->idle_count;
}

#endif

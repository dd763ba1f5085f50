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

/** The steps of a barrier's execution; each begins when the one before has ended. */
enum barrier_step { BARRIER_HELD, BARRIER_FLUSH_BEFORE, BARRIER_WRITE, BARRIER_FLUSH_AFTER };

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
	bool leads_flush;    /* storage flushes for it, and for all of its round */
	bool ordered;        /* a change that barriers order, from taking to answer */
	uint8_t step;        /* enum barrier_step, of a barrier */
	uint16_t niov;       /* of a barrier's data */
	uint32_t data_bytes; /* what it moves; 0 for flush and discard */
	uint64_t epoch;      /* of an ordered one: see barrier.h */
	uint64_t barrier;    /* its number when it is a barrier, or 0 */
	uint64_t flush_round; /* that a waiting flush is for */
	uint8_t attempts;    /* of one that was taken over: how often it was replayed before */
	bool retried;        /* one that was taken over, and has not got to the storage yet */
	uint64_t taken_ns;   /* from the ring */
	struct blkif_req req;
	struct iovec iov[BLKIF_INDIRECT_SEGMENTS];
};

/** struct request_list - linked by next, oldest first; zero is empty. */
struct request_list {
	struct request *first, *last;
};

static inline void request_list_add(struct request_list *l, struct request *r)
{
	r->next = NULL;
	if (l->first)
		l->last->next = r;
	else
		l->first = r;
	l->last = r;
}

/** request_list_take() - the oldest; the list is not empty. */
static inline struct request *request_list_take(struct request_list *l)
{
	struct request *r = l->first;

	l->first = r->next;
	return r;
}

/** struct throttle - requests of one direction that wait for the disk's limits. */
struct throttle {
	struct request_list list;
	bool reserved;       /* the first has its tokens and may start at @start_ns */
	uint32_t version;    /* of the limits that it was reserved under */
	uint64_t start_ns;
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
	struct request_list waiting; /* for room in the arena */
	struct request_list held;    /* changes, for barriers to end */
	struct request_list barriers; /* for their turn */
	struct request_list flushes; /* for the flush under way to end */
	struct queue *flush_next;    /* in shared->flush.waiting, under its lock */
	bool flush_waits;            /* it is in there */
	uint64_t executing;          /* the barrier of ours that was started last */
	struct throttle throttle[2]; /* reads, writes */
	struct barrier_queue barrier;
	uint32_t idle_count;
	struct request_list recorded; /* taken over with their answers, in the answers' order */
	struct request_list replay;  /* taken over, in ring order: before anything new is taken */
	uint32_t replay_left;        /* of them */
	uint32_t nrecorded, nresumed;
	bool suspect;                /* one that is replayed again: nothing else starts meanwhile */
	struct request *batch[QUEUE_BATCH];
	unsigned nbatch;
	struct grants grants;
	struct copy copy;
	uint8_t *descriptors; /* copies of indirect pages, one stride per request in a batch */
	struct journal_queue journal;

	/* the thread */
	struct uring_slot *slot;   /* its io_uring is pub.ring, its handles are xgt and xce */
	sem_t started, go;
	int start_error;
	bool has_thread, io_ready;
	int control_fd;      /* an eventfd: something is in control, or a barrier moved */
	unsigned control;    /* atomic: enum queue_control */
	struct blk_cqe control_cqe, event_cqe, trim_cqe;
	bool event_armed, trim_armed;
	struct __kernel_timespec trim_after;
	struct spin spin;
	bool stopping;       /* told to stop */
	bool went;           /* told to serve; set before go is posted */
	bool ended;          /* atomic: the thread is over */
	char failure[160];   /* why the queue broke; "" while it has not */

	uint64_t *metric;           /* QUEUE_METRICS, in shown */
	struct metrics_ring *shown; /* in the metrics page, or own_shown */
	struct metrics_ring *own_shown;
	struct log_limit bad_limit, error_limit;
};

/** What the control thread asks of a queue, in its control. */
enum queue_control { QUEUE_STOP = 1 };

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
/** requests_unthrottle() - start what the limits let start now. True: some did. */
bool requests_unthrottle(struct queue *q);
/** requests_next_start() - when the limits let the next start, in ns; 0: none waits for them. */
uint64_t requests_next_start(const struct queue *q);
/**
 * requests_resume() - a request that a predecessor took waits for its turn.
 * @r: idle, and stays out of the list of those; @entry: as the predecessor wrote it
 *
 * Return: 0, or -EPROTO: what it left is no answer.
 */
int requests_resume(struct queue *q, struct request *r, const struct journal_entry *entry)
	must_check;
/**
 * requests_put_recorded() - put the answers that the predecessor recorded, then tell the
 * frontend, in any case: the predecessor may have died between publishing and telling.
 */
void requests_put_recorded(struct queue *q);
/** requests_are_replaying() - nothing new is taken yet. */
static inline bool requests_are_replaying(const struct queue *q)
{
	return q->replay_left > 0 || q->suspect;
}
/**
 * requests_pass_barriers() - start what waited for a barrier, and barriers whose turn it is.
 * While barrier_is_pending(). Return: whether there was anything.
 */
bool requests_pass_barriers(struct queue *q);
/**
 * requests_pass_flushes() - end flushes whose round is over, or begin the next round.
 * Return: whether there was anything.
 */
bool requests_pass_flushes(struct queue *q);
/** requests_finish() - answer what is done, one push, at most one event. True: some was. */
bool requests_finish(struct queue *q);
/** requests_in_flight() - taken and not answered. */
static inline uint32_t requests_in_flight(const struct queue *q)
{
	return q->ring.nr - q->idle_count;
}

/* --- between request.c, request-map.c, request-hold.c and request-answer.c -------------- */

/** request_is_live() - nothing is wrong with it so far. */
static inline bool request_is_live(const struct request *r)
{
	return r->status == BLKIF_RSP_OKAY;
}

/* request.c */
/** request_begin() - a copied slot is what @r is about from now on; what breaks rules is refused. */
void request_begin(struct queue *q, struct request *r, const uint8_t *slot);

/* request-replay.c */
/** request_replay_batch() - the next to be replayed become the batch. Return: how many. */
unsigned request_replay_batch(struct queue *q);

/* queue-shared.c */
/** queue_shared_make_slot() - open what the queue is served with. 0, or -errno with @why. */
int queue_shared_make_slot(struct queue_shared *shared, unsigned index, char *why, size_t room)
	must_check;

/* queue-resume.c */
/** queue_resume() - find out where the predecessor stopped; -errno with @why, a clause about it. */
int queue_resume(struct queue *q, char *why, size_t room) must_check;

/* request-map.c */
enum request_stage { STAGE_DESCRIPTORS, STAGE_DATA };
enum copy_direction { COPY_IN, COPY_OUT };
/**
 * request_map_batch() - map what the batch needs in this stage and was not seen before,
 * with one call; a request where that fails is to be copied.
 */
void request_map_batch(struct queue *q, enum request_stage stage);
/** request_fetch_descriptors() - the segments of the batch's indirect requests, copied once. */
void request_fetch_descriptors(struct queue *q);
/** request_prepare() - its buffers. False: it has to wait for room in the arena. */
bool request_prepare(struct queue *q, struct request *r);
/** request_stage_copies() - between its buffer of ours and its pages; grant_copy_run() does them. */
void request_stage_copies(struct queue *q, struct request *r, enum copy_direction direction);
/** request_copy_failed() - for grant_copy_run(). */
void request_copy_failed(void *opaque, uint32_t owner, int status);

/* request-hold.c */
/** request_order_batch() - give what was just taken its place among the barriers. */
void request_order_batch(struct queue *q);
/** request_start() - submit it, or hold it until limits and barriers let it go. */
void request_start(struct queue *q, struct request *r);
/** request_barrier_goes_on() - a barrier's step ended. True: it takes another; kick. */
bool request_barrier_goes_on(struct queue *q, struct request *r);
/** request_flush_ended() - storage is done with a flush that leads its round. */
void request_flush_ended(struct queue *q, struct request *r);
/** request_flush_failed() - remember it, for good. request-answer.c */
void request_flush_failed(struct queue *q, int error);
/** request_order_end() - it is to be answered: barriers need not wait for it any more. */
void request_order_end(struct queue *q, struct request *r);

#endif

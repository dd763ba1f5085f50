/* SPDX-License-Identifier: MIT */
/* What queue.c (the thread), queue-open.c, queue-tx.c and queue-rx.c share; nobody else. */
#ifndef SLUICE_BACKENDS_NET_QUEUE_PRIVATE_H
#define SLUICE_BACKENDS_NET_QUEUE_PRIVATE_H

#include <pthread.h>
#include <semaphore.h>

#include "backends/common/grant-copy.h"
#include "backends/common/metrics.h"
#include "backends/net/backlog.h"
#include "backends/net/drops.h"
#include "backends/net/queue.h"
#include "backends/net/stall.h"
#include "common/log.h"
#include "common/spin.h"
#include "protocol/ring.h"

/* Most packets per sweep and direction: the frontend works on one batch during the next. */
#define QUEUE_BATCH 64u
/* Frames that go to the port at once: more than a batch where they are segmented here. */
#define QUEUE_SEND 256u
/* Frames that are read at once, where the port gains by that. */
#define QUEUE_RECV 32u
/* Of packets that were taken, in one piece each: half for either batch; a ring of the largest fits. */
#define QUEUE_TX_ARENA (628u << 12)

/** struct channel - one of a queue's rings and what is told of it. */
struct channel {
	struct ring_back ring;
	void *page;
	int port;          /* local; -1: none */
	bool masked;       /* an event was taken and the port not unmasked since */
	bool notify;       /* the frontend asked for an event of what was pushed */
	struct record_batch *record; /* NULL: no record */
	/* responses of this batch, before they are put */
	uint8_t answer[RECORD_SLOTS][RECORD_RESPONSE];
	unsigned nanswers;
	size_t answer_size;
	uint64_t wait_until; /* nothing may be done before; 0: whenever there is something */
};

/** struct tx_item - a packet of the batch. */
struct tx_item {
	struct netif_tx_packet packet;
	uint8_t *data;     /* in the arena; NULL: it is not to be sent */
	int16_t status;    /* NETIF_RSP_ */
};

/** struct tx_batch - packets that are copied at once, then sent at once. */
struct tx_batch {
	struct tx_item item[QUEUE_BATCH];
	unsigned nitems;
	uint8_t *arena;    /* QUEUE_TX_ARENA / 2 bytes */
	uint32_t used;
};

/** struct tx - guest to port. One batch is sent while the hypervisor copies the next. */
struct tx {
	struct tx_batch batch[2];
	struct tx_batch *next;   /* is being taken and copied */
	struct tx_batch *copied; /* is to be sent and answered */
	uint8_t *arena;    /* QUEUE_TX_ARENA bytes */
	uint8_t *segments; /* as large: of frames that are cut up here; free between two calls */
	uint32_t segments_used;
	struct frame out[QUEUE_SEND];
	unsigned nout;
	struct frame_offload offers; /* what the port takes */
};

/** struct rx_item - a frame of the batch. */
struct rx_item {
	struct netif_rx_layout layout;
	uint32_t len;
	bool failed;
};

/** struct rx - port to guest. */
struct rx {
	struct rx_item item[QUEUE_BATCH];
	unsigned nitems;
	struct backlog backlog;
	struct stall stall;
	uint32_t available; /* buffers of the guest's, at the last look */
	uint32_t needed;   /* slots of the frame that waits for buffers; 0: none does */
	struct steer_copy steer;
	uint8_t *memory;   /* of frames that are read at once; NULL: the port does not gain by that */
	unsigned at_once;  /* how many the port is likely to have, up to QUEUE_RECV */
	/* what other queues' threads gave; swapped with the backlog when that is empty */
	pthread_mutex_t lock;
	struct backlog given;
};

struct queue {
	struct queue_shared *shared;
	struct queue_setup setup;
	struct slot *slot;
	struct channel txc, rxc;
	struct tx tx;
	struct rx rx;
	struct grant_copy copy;
	uint8_t *memory;     /* of the slot's handle, for tx's arena and rx's backlogs; or NULL */
	struct record_queue *record;
	uint64_t now_ns;     /* of this pass */

	/* the thread */
	sem_t go;
	bool has_thread;
	int control_fd;      /* an eventfd: look at stop, at what was given, at the rates */
	bool stop;           /* atomic */
	bool stopping;
	bool ended;          /* atomic: the thread is over */
	bool rx_quiet;       /* the port had nothing for us in this pass */
	struct spin spin;
	char failure[192];   /* why the queue broke; "" while it has not */

	uint64_t *metric;    /* METRICS_NET_COUNTERS, in shown */
	struct metrics_ring *shown; /* in the metrics page, or own_shown */
	struct metrics_ring *own_shown;
	struct drops drops;
	struct log_limit drop_limit; /* of lines about them */
};

/** queue_fail() - the rings or what they need are broken: take no more, say why once. */
void queue_fail(struct queue *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** queue_count() - of one of the queue's counters. */
static inline void queue_count(struct queue *q, enum metrics_net_counter which, uint64_t n)
{
	if (n)
		metric_add(&q->metric[which], n);
}

/* queue-open.c and queue.c have what queue.h has. */

/* --- a ring's answers: queue-answer.c ------------------------------------------------------ */

/** channel_answer() - the next response of this batch. */
void channel_answer(struct channel *c, const void *response);
/** channel_push() - record all, put all, publish once. True: there were any. */
bool channel_push(struct channel *c);
/** channel_resume() - put and publish what a predecessor had recorded and not published. */
void channel_resume(struct channel *c, const struct record_batch *left);

/* --- guest to port: queue-tx.c ------------------------------------------------------------- */

/** tx_init() - 0 or -ENOMEM. */
int tx_init(struct queue *q) must_check;
/** tx_dispose() - may run twice. */
void tx_dispose(struct queue *q);
/** tx_sweep() - take packets, send, answer. True: there were any, or are. */
bool tx_sweep(struct queue *q);
/** tx_drain() - send and answer those that were taken. */
void tx_drain(struct queue *q);

/* --- port to guest: queue-rx.c, queue-recv.c ------------------------------------------------ */

int rx_init(struct queue *q) must_check;
void rx_dispose(struct queue *q);
/** rx_sweep() - give the guest frames that wait, then those that the port has. True: there were any. */
bool rx_sweep(struct queue *q);
/** rx_wants_port() - frames of the port have room. */
bool rx_wants_port(const struct queue *q);
/** rx_goes_on() - frames wait, not for the guest's buffers, nor for the rate. */
bool rx_goes_on(const struct queue *q);
/** rx_next_look() - when to look again though nothing happened, in ns; 0: not at all. */
uint64_t rx_next_look(struct queue *q);
/** recv_init() - 0 or -ENOMEM. */
int recv_init(struct queue *q) must_check;
/** recv_dispose() - may run twice. */
void recv_dispose(struct queue *q);
/** rx_fill() - receive what the port and other queues have. True: something. queue-recv.c */
bool rx_fill(struct queue *q);

#endif

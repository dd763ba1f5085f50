/* SPDX-License-Identifier: MIT */
/*
 * One queue of a connected interface: a transmit and a receive ring, their event channels,
 * and the thread that serves both. The control thread creates, starts, stops and destroys;
 * everything between happens in the queue's own thread.
 */
#ifndef SLUICE_BACKENDS_NET_QUEUE_H
#define SLUICE_BACKENDS_NET_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/common/metrics-page.h"
#include "backends/common/slot.h"
#include "backends/net/mcast.h"
#include "backends/net/port.h"
#include "backends/net/rate.h"
#include "backends/net/record.h"
#include "backends/net/steer.h"

struct queue;

/** struct queue_shared - what the queues of an interface share, for the life of the process. */
struct queue_shared {
	const struct port_ops *ops;
	struct port *port;
	struct record *record;        /* NULL: none */
	struct metrics_page *metrics; /* NULL: nobody looks */
	unsigned poll_us;             /* longest spin before sleeping, 0: none */
	struct rate tx_rate, rx_rate; /* of what the guest sends, receives; after rate_set(): queue_poke() */
	struct mcast mcast;
	struct steer steer;
	uint32_t xdp_headroom;        /* atomic: the frontend's */
	uint32_t stalled;             /* atomic: queues that are */
	int ended_fd;                 /* an eventfd that queues write when the control thread should look */
	struct slot slot[NETIF_MAX_QUEUES]; /* of the queue with that index */
	/* of the connection: set before the first queue goes */
	struct queue *queue[NETIF_MAX_QUEUES];
	unsigned nqueues;
};

/** struct queue_setup - what a connection's negotiation gave for one queue. */
struct queue_setup {
	unsigned index;
	uint32_t domid;
	struct netif_queue_nodes nodes;
	struct netif_tx_limits limits;  /* of what the guest sends */
	struct frame_offload guest;     /* what it takes */
	bool rx_notify;
	uint64_t features;              /* METRICS_NET_FEATURE_, to be shown */
	const struct record_queue *resume; /* what a dead predecessor left of these rings; NULL: a fresh start */
};

/**
 * queue_create() - map the rings and bind the event channels.
 * @shared: outlives the queue
 *
 * Return: 0, or -errno with @why.
 */
int queue_create(struct queue_shared *shared, const struct queue_setup *setup, struct queue **queue,
	char *why, size_t room) must_check;
/** queue_start() - start the thread, which then waits for queue_go(). 0, or -errno with @why. */
int queue_start(struct queue *q, char *why, size_t room) must_check;
/** queue_go() - serve; after all queues of the device have started. */
void queue_go(struct queue *q);
/** queue_poke() - let it look around; any thread. */
void queue_poke(struct queue *q);
/**
 * queue_give() - a frame that another queue's thread received and the guest wants here.
 * Any thread. False: there are too many, it is dropped.
 */
bool queue_give(struct queue *q, const struct frame *frame, uint64_t now_ns);

/**
 * queue_stop() - ask the thread to take no more packets, answer those taken and end.
 *
 * Does not wait: ended_fd tells. May be called again, and on a queue that ended.
 */
void queue_stop(struct queue *q);
/** queue_has_ended() - the thread is over (or never started). */
bool queue_has_ended(struct queue *q);
/** queue_failure() - why it ended by itself, NULL: it did not. After queue_has_ended(). */
const char *queue_failure(const struct queue *q);
/** queue_join() - wait for the thread of a queue that was stopped. May be called again. */
void queue_join(struct queue *q);
/** queue_destroy() - unmap and free. Only when all queues were joined; NULL is fine. */
void queue_destroy(struct queue *q);

/** queue_metrics() - counters by enum metrics_net_counter, live. */
const uint64_t *queue_metrics(const struct queue *q);
extern const char *const queue_metric_names[METRICS_NET_COUNTERS];

#endif

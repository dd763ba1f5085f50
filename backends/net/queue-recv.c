// SPDX-License-Identifier: MIT
/*
 * Frames for the guest, from the port and from other queues' threads, into the backlog: each
 * as the guest can take it, filtered, with its hash.
 */
#include "config.h"
#include "backends/net/queue-private.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/net/offload.h"

/* Bytes of a frame that is copied for less than a system call takes. */
#define RECV_SMALL 2048u
/* From one frame to the next in memory of frames that are read at once. */
#define RECV_STEP ((FRAME_HEADROOM + BACKLOG_ROOM + 63u) & ~63u)
#define RECV_MEMORY (QUEUE_RECV * RECV_STEP)

int recv_init(struct queue *q)
{
	void *memory;

	q->rx.at_once = 1;
	if (!q->shared->ops->reads_many)
		return 0;
	memory = mmap(NULL, RECV_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	q->rx.memory = memory;
	return 0;
}

void recv_dispose(struct queue *q)
{
	if (q->rx.memory)
		munmap(q->rx.memory, RECV_MEMORY);
	q->rx.memory = NULL;
}

/* --- one frame --------------------------------------------------------------------------- */

static void recv_drop(struct queue *q, enum metrics_net_counter why)
{
	queue_count(q, why, 1);
}

/* A guest without scatter-gather has what the headroom leaves of one page. */
static bool recv_fits(const struct queue *q, const struct frame *frame)
{
	uint32_t most = q->setup.guest.max_len;
	uint32_t headroom = most > NETIF_PAGE_SIZE ? 0 :
		__atomic_load_n(&q->shared->xdp_headroom, __ATOMIC_RELAXED);

	return frame->len + headroom <= most;
}

/* Its queue has it, this one's or another's. @in_place: it is what was reserved here. */
static void recv_place(struct queue *q, struct frame *frame, bool in_place)
{
	struct queue_shared *s = q->shared;
	unsigned to;

	if (frame->gso == NETIF_GSO_NONE && !recv_fits(q, frame)) {
		recv_drop(q, METRICS_NET_RX_BAD);
		return;
	}
	to = steer_frame(&q->rx.steer, frame, q->setup.index, s->nqueues);
	if (to == q->setup.index) {
		if (in_place)
			backlog_commit(&q->rx.backlog, q->now_ns);
		else if (!backlog_copy(&q->rx.backlog, frame, q->now_ns))
			recv_drop(q, METRICS_NET_RX_FULL);
		return;
	}
	queue_count(q, METRICS_NET_STEERED, 1);
	if (!queue_give(s->queue[to], frame, q->now_ns))
		recv_drop(q, METRICS_NET_RX_FULL);
}

/* For a guest that takes no frames to be segmented. Nothing is being sent: its segments are free. */
static void recv_segments(struct queue *q, const struct frame *reserved)
{
	struct frame whole = *reserved, *frame = &whole;
	unsigned n = offload_segments(frame);

	/* Out of the way: what is reserved is where the first of them goes. */
	whole.data = q->tx.segments + QUEUE_TX_ARENA / 2 + FRAME_HEADROOM;
	memcpy(whole.data, reserved->data, reserved->len);
	queue_count(q, METRICS_NET_SEGMENTED, 1);
	for (unsigned i = 0; i < n; i++) {
		struct frame out = { .data = q->tx.segments + FRAME_HEADROOM, .room = FRAME_MAX };

		if (offload_segment(frame, i, &out) < 0) {
			recv_drop(q, METRICS_NET_RX_BAD);
			return;
		}
		recv_place(q, &out, false);
	}
}

/* @in_place: as recv_place()'s. */
static void recv_frame(struct queue *q, struct frame *frame, bool in_place)
{
	const struct frame_offload *guest = &q->setup.guest;

	if (frame->len < NETIF_PACKET_MIN || frame->len > FRAME_MAX) {
		recv_drop(q, METRICS_NET_RX_BAD);
		return;
	}
	if (!mcast_passes(&q->shared->mcast, frame->data)) {
		recv_drop(q, METRICS_NET_RX_FILTERED);
		return;
	}
	if (!offload_is_taken(frame, guest)) {
		if (frame->gso != NETIF_GSO_NONE) {
			recv_segments(q, frame);
			return;
		}
		if (frame->csum_blank) {
			offload_finish_checksum(frame);
			queue_count(q, METRICS_NET_CHECKSUMMED, 1);
		}
	}
	recv_place(q, frame, in_place);
}

/* --- the sources --------------------------------------------------------------------------- */

static bool recv_given(struct queue *q)
{
	struct rx *rx = &q->rx;
	struct backlog swap;

	pthread_mutex_lock(&rx->lock);
	swap = rx->given;
	rx->given = rx->backlog;
	rx->backlog = swap;
	pthread_mutex_unlock(&rx->lock);
	return !backlog_is_empty(&rx->backlog);
}

/* What the port said: @n frames, or why there are none. True: some. */
static bool recv_came(struct queue *q, int n)
{
	if (n < 0)
		queue_fail(q, "the port is gone: %s", strerror(-n));
	/* Frames that came after the guest heard that its table is changed go by the new one. */
	if (n > 0)
		steer_look(&q->shared->steer, &q->rx.steer);
	return n > 0;
}

/* One frame, to where it will be sent from. */
static bool recv_one(struct queue *q)
{
	const struct port_ops *ops = q->shared->ops;
	struct frame *frame = backlog_reserve(&q->rx.backlog);

	if (!frame || !recv_came(q, ops->recv(q->shared->port, q->setup.index, frame, 1)))
		return false;
	/* Small ones come in crowds, and are copied for less than a call takes. */
	q->rx.at_once = frame->len <= RECV_SMALL && q->rx.memory ? 4 : 1;
	recv_frame(q, frame, true);
	return true;
}

static bool recv_many(struct queue *q)
{
	const struct port_ops *ops = q->shared->ops;
	struct frame frames[QUEUE_RECV];
	unsigned n = q->rx.at_once;
	int got;

	for (unsigned i = 0; i < n; i++)
		frames[i] = (struct frame){ .data = q->rx.memory + i * RECV_STEP + FRAME_HEADROOM, .room = BACKLOG_ROOM };
	got = ops->recv(q->shared->port, q->setup.index, frames, n);
	q->rx.at_once = 1;
	if (!recv_came(q, got))
		return false;
	for (int i = 0; i < got; i++)
		recv_frame(q, &frames[i], false);
	if ((unsigned)got == n && frames[got - 1].len <= RECV_SMALL)
		q->rx.at_once = 2 * n < QUEUE_RECV ? 2 * n : QUEUE_RECV;
	return true;
}

static bool recv_port(struct queue *q)
{
	bool any = false;

	for (unsigned i = 0; i < QUEUE_BATCH;) {
		/* What was read and finds no room would be lost. */
		bool many = q->rx.at_once > 1 && backlog_left(&q->rx.backlog) >= q->rx.at_once * (RECV_SMALL + 256u);

		i += many ? q->rx.at_once : 1;
		if (many ? !recv_many(q) : !recv_one(q))
			return any;
		any = true;
	}
	return any;
}

bool queue_give(struct queue *q, const struct frame *frame, uint64_t now_ns)
{
	bool first, ok;

	pthread_mutex_lock(&q->rx.lock);
	first = backlog_is_empty(&q->rx.given);
	ok = backlog_copy(&q->rx.given, frame, now_ns);
	pthread_mutex_unlock(&q->rx.lock);
	/* One event until it was looked at. */
	if (first && ok)
		queue_poke(q);
	return ok;
}

bool rx_fill(struct queue *q)
{
	bool any;

	steer_look(&q->shared->steer, &q->rx.steer);
	any = backlog_is_empty(&q->rx.backlog) && recv_given(q);
	q->rx_quiet = !recv_port(q);
	return !q->rx_quiet || any;
}

// SPDX-License-Identifier: MIT
/*
 * What the guest is sent. Frames wait in a backlog that is bounded in bytes; a batch of them
 * is laid out over the guest's buffers, copied by one call while the port is read, answered in
 * ring order and published at once. A frame is begun only when all the buffers that it needs
 * are there (XSA-392).
 */
#include "config.h"
#include "backends/net/queue-private.h"

#include <string.h>

int rx_init(struct queue *q)
{
	int rc;

	pthread_mutex_init(&q->rx.lock, NULL);
	stall_init(&q->rx.stall, q->setup.rx_notify);
	rc = recv_init(q);
	if (rc < 0)
		return rc;
	if (q->memory) {
		backlog_init_at(&q->rx.backlog, q->memory + QUEUE_TX_ARENA);
		backlog_init_at(&q->rx.given, q->memory + QUEUE_TX_ARENA + backlog_memory());
		return 0;
	}
	rc = backlog_init(&q->rx.backlog);
	return rc < 0 ? rc : backlog_init(&q->rx.given);
}

void rx_dispose(struct queue *q)
{
	recv_dispose(q);
	backlog_dispose(&q->rx.backlog);
	backlog_dispose(&q->rx.given);
	pthread_mutex_destroy(&q->rx.lock);
}

/* --- a batch ------------------------------------------------------------------------------ */

static struct netif_rx_meta rx_meta(struct queue *q, const struct frame *f)
{
	return (struct netif_rx_meta){
		.size = f->len,
		.csum_blank = f->csum_blank,
		.csum_valid = f->csum_valid,
		.gso = f->gso,
		.gso_size = f->gso_size,
		.hash_type = f->hash_type,
		.hash = f->hash,
		.xdp_headroom = __atomic_load_n(&q->shared->xdp_headroom, __ATOMIC_RELAXED),
	};
}

/* Take the guest's buffers for a frame; its pieces join the copies. */
static void rx_begin(struct queue *q, const struct frame *f, const struct netif_rx_meta *meta,
	unsigned slots)
{
	struct netif_rx_buffer buffer[NETIF_RX_SLOTS_MAX];
	unsigned i = q->rx.nitems++;
	struct rx_item *item = &q->rx.item[i];

	item->failed = false;
	item->len = f->len;
	for (unsigned s = 0; s < slots; s++)
		netif_rx_take(&q->rxc.ring, &buffer[s]);
	netif_rx_lay_out(meta, buffer, &item->layout);
	for (unsigned p = 0; p < item->layout.npieces; p++) {
		const struct netif_rx_piece *piece = &item->layout.piece[p];

		grant_copy_to(&q->copy, piece->gref, piece->to, f->data + piece->from, piece->len, i);
	}
}

static bool rx_may_start(struct queue *q)
{
	uint64_t at = rate_ready_at(&q->shared->rx_rate);

	q->rxc.wait_until = at > q->now_ns ? at : 0;
	return !q->rxc.wait_until;
}

/* Frames that the guest has buffers for, oldest first; they stay in the backlog until copied. */
static void rx_gather(struct queue *q)
{
	struct backlog_entry *e = backlog_first(&q->rx.backlog);
	uint32_t bytes = 0;

	q->rx.nitems = 0;
	q->rx.needed = 0;
	for (; e && q->rx.nitems < QUEUE_BATCH && bytes < BACKLOG_BYTES / 2;
		e = backlog_next(&q->rx.backlog, e)) {
		struct netif_rx_meta meta = rx_meta(q, &e->frame);
		unsigned slots = netif_rx_slots(&meta);

		if (!rx_may_start(q))
			return;
		if (slots > q->rx.available) {
			q->rx.needed = slots;
			return;
		}
		rx_begin(q, &e->frame, &meta, slots);
		q->rx.available -= slots;
		bytes += e->size;
		rate_take(&q->shared->rx_rate, e->frame.len, q->now_ns);
	}
}

static void rx_copy_failed(void *opaque, uint32_t owner, int status)
{
	struct queue *q = opaque;

	if (q->rx.item[owner].failed)
		return;
	q->rx.item[owner].failed = true;
	queue_count(q, METRICS_NET_RX_ERRORS, 1);
	drops_note(&q->drops, DROPS_RX, status, q->now_ns);
}

static void rx_answer(struct queue *q, struct rx_item *item)
{
	if (item->failed)
		netif_rx_spoil(&item->layout);
	for (unsigned s = 0; s < item->layout.nslots; s++)
		channel_answer(&q->rxc, &item->layout.slot[s]);
	if (!item->failed) {
		queue_count(q, METRICS_NET_RX_PACKETS, 1);
		queue_count(q, METRICS_NET_RX_BYTES, item->len);
	}
}

/* True: something is on its way to the guest. */
static bool rx_start(struct queue *q)
{
	rx_gather(q);
	grant_copy_start(&q->copy);
	return q->rx.nitems;
}

static void rx_end(struct queue *q)
{
	grant_copy_end(&q->copy, rx_copy_failed, q);
	for (unsigned i = 0; i < q->rx.nitems; i++) {
		rx_answer(q, &q->rx.item[i]);
		backlog_drop_first(&q->rx.backlog);
	}
	stall_progress(&q->rx.stall);
	(void)channel_push(&q->rxc);
}

/* --- what waits too long -------------------------------------------------------------------- */

static void rx_drop_old(struct queue *q)
{
	uint64_t most = q->rx.stall.stalled ? 0 : stall_drain_ns(&q->rx.stall);
	struct backlog_entry *e;

	/* Another queue's thread, which gave it, may have read the clock since. */
	while ((e = backlog_first(&q->rx.backlog)) && q->now_ns >= e->since_ns + most) {
		backlog_drop_first(&q->rx.backlog);
		queue_count(q, METRICS_NET_RX_OLD, 1);
	}
}

/* The control thread tells the store and the log. */
static void rx_tell_stall(struct queue *q, enum stall_change change)
{
	uint64_t one = 1;

	if (change == STALL_SAME)
		return;
	if (change == STALL_BEGINS) {
		queue_count(q, METRICS_NET_STALLS, 1);
		__atomic_add_fetch(&q->shared->stalled, 1, __ATOMIC_RELEASE);
	} else {
		__atomic_sub_fetch(&q->shared->stalled, 1, __ATOMIC_RELEASE);
	}
	/* A counter cannot be full. */
	(void)!write(q->shared->ended_fd, &one, sizeof(one));
}

static void rx_look_at_guest(struct queue *q)
{
	struct stall *s = &q->rx.stall;

	if (!s->stalled && backlog_is_empty(&q->rx.backlog))
		return;
	rx_tell_stall(q, stall_look(s, q->rx.available, q->rx.needed, q->now_ns));
	if (q->rx.needed || s->stalled)
		rx_drop_old(q);
}

bool rx_sweep(struct queue *q)
{
	int pending = ring_back_pending(&q->rxc.ring);
	bool started, any;

	if (pending < 0) {
		queue_fail(q, "the frontend broke the rules of receive ring %u: %s; nothing is served until it closes",
			q->setup.index, netif_verdict_text(NETIF_FATAL_RING));
		return false;
	}
	q->rxc.wait_until = 0;
	q->rx.available = (uint32_t)pending;
	/* While the hypervisor copies what was there the port is read. */
	started = rx_start(q);
	any = rx_fill(q);
	started = started || rx_start(q);
	if (started)
		rx_end(q);
	rx_look_at_guest(q);
	return any || started;
}

bool rx_wants_port(const struct queue *q)
{
	return !backlog_is_full(&q->rx.backlog);
}

bool rx_goes_on(const struct queue *q)
{
	return !backlog_is_empty(&q->rx.backlog) && !q->rx.needed && !q->rxc.wait_until;
}

uint64_t rx_next_look(struct queue *q)
{
	struct backlog_entry *e = backlog_first(&q->rx.backlog);

	if (!e || !q->rx.needed)
		return 0;
	return stall_next_look(&q->rx.stall, e->since_ns, q->now_ns);
}

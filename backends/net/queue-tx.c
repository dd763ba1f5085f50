// SPDX-License-Identifier: MIT
/*
 * What the guest sends. Packets are taken in batches; one call copies all their pieces to
 * linear memory of ours (XSA-423), in which they are then looked at; one call gives them to
 * the port; all are answered in ring order and published at once. While one batch is sent the
 * next is copied; nothing of a batch is sent before the one before it is answered, which is
 * what the record counts on.
 */
#include "config.h"
#include "backends/net/queue-private.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/net/offload.h"

#define TX_ALIGN 64u

static uint8_t *tx_map(void)
{
	void *at = mmap(NULL, QUEUE_TX_ARENA, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int tx_init(struct queue *q)
{
	struct tx *t = &q->tx;

	t->arena = q->memory ? q->memory : tx_map();
	t->segments = tx_map();
	if (!t->arena || !t->segments)
		return -ENOMEM;
	for (unsigned i = 0; i < 2; i++)
		t->batch[i].arena = t->arena + i * (QUEUE_TX_ARENA / 2);
	t->next = &t->batch[0];
	t->copied = &t->batch[1];
	t->offers = q->shared->ops->offers(q->shared->port);
	return 0;
}

void tx_dispose(struct queue *q)
{
	if (q->tx.arena && q->tx.arena != q->memory)
		munmap(q->tx.arena, QUEUE_TX_ARENA);
	if (q->tx.segments)
		munmap(q->tx.segments, QUEUE_TX_ARENA);
	q->tx.arena = q->tx.segments = NULL;
}

/* --- taking ------------------------------------------------------------------------------ */

static uint32_t tx_align(uint32_t n)
{
	return (n + TX_ALIGN - 1) & ~(TX_ALIGN - 1);
}

/* Room for the largest: what comes next is known only when it was taken. */
static bool tx_has_room(const struct tx_batch *b)
{
	return b->nitems < QUEUE_BATCH &&
	       b->used + FRAME_HEADROOM + NETIF_PAGE_SIZE + FRAME_MAX + TX_ALIGN <=
		       QUEUE_TX_ARENA / 2;
}

/* Bytes of a large packet up to where a page of the guest's ends and more follows; 0: nowhere. */
static uint32_t tx_page_end(const struct netif_tx_packet *p)
{
	uint32_t end = 0;

	for (unsigned s = 0; p->size > NETIF_PAGE_SIZE && s + 1 < p->nslots; s++) {
		end += p->slot[s].size;
		if (p->slot[s].offset + p->slot[s].size == NETIF_PAGE_SIZE)
			return end;
	}
	return 0;
}

/*
 * Where in the arena a packet goes that may go to @at. Xen copies by pages, ours as well as the
 * guest's: where both end together, as they do from there on in what the guest has in one piece,
 * a page is one copy, not two.
 */
static uint32_t tx_place(const struct netif_tx_packet *p, uint32_t at)
{
	uint32_t end = tx_page_end(p), on_page = (at + end) % NETIF_PAGE_SIZE;
	bool split = end || (p->size <= NETIF_PAGE_SIZE &&
				    on_page + p->size > NETIF_PAGE_SIZE);

	return split && on_page ? at + NETIF_PAGE_SIZE - on_page : at;
}

/* All pieces, behind one another, in memory that has room for the packet's size (XSA-432). */
static void tx_stage(struct queue *q, unsigned i)
{
	struct tx_batch *b = q->tx.next;
	struct tx_item *item = &b->item[i];
	/* One that changes the filter has no data that counts, nor pages that must be there. */
	unsigned nslots = item->packet.nmcast ? 0 : item->packet.nslots;
	uint32_t place = tx_place(&item->packet, b->used + FRAME_HEADROOM), at = 0;

	item->data = b->arena + place;
	b->used = tx_align(place + item->packet.size);
	for (unsigned s = 0; s < nslots; s++) {
		const struct netif_tx_slot *slot = &item->packet.slot[s];

		/* XSA-448: a slot may be empty. */
		if (slot->size)
			grant_copy_from(&q->copy, slot->gref, slot->offset, item->data + at,
				slot->size, i);
		at += slot->size;
	}
}

/* False: the ring ends here. */
static bool tx_take(struct queue *q, unsigned *pending)
{
	unsigned i = q->tx.next->nitems++;
	struct tx_item *item = &q->tx.next->item[i];
	enum netif_verdict v = netif_tx_take(&q->txc.ring, pending, &q->setup.limits, &item->packet);

	item->data = NULL;
	item->status = netif_verdict_status(v);
	if (v == NETIF_OK)
		tx_stage(q, i);
	else
		queue_count(q, METRICS_NET_TX_BAD, 1);
	if (netif_is_fatal(v))
		queue_fail(q, "the frontend broke the rules of transmit ring %u: %s; nothing is served until it closes",
			q->setup.index, netif_verdict_text(v));
	return !netif_is_fatal(v);
}

static void tx_copy_failed(void *opaque, uint32_t owner, int status)
{
	struct queue *q = opaque;
	struct tx_item *item = &q->tx.next->item[owner];

	if (!item->data)
		return; /* another piece of it failed before */
	item->data = NULL;
	item->status = NETIF_RSP_ERROR;
	queue_count(q, METRICS_NET_TX_ERRORS, 1);
	drops_note(&q->drops, DROPS_TX, status, q->now_ns);
}

/* --- sending ------------------------------------------------------------------------------ */

static void tx_flush(struct queue *q)
{
	struct tx *t = &q->tx;
	unsigned n = t->nout;
	uint64_t bytes = 0;
	int sent;

	t->nout = 0;
	t->segments_used = 0;
	if (!n)
		return;
	for (unsigned i = 0; i < n; i++)
		bytes += t->out[i].len;
	sent = q->shared->ops->send(q->shared->port, q->setup.index, t->out, n);
	if (sent < 0) {
		queue_fail(q, "the port is gone: %s", strerror(-sent));
		return;
	}
	for (unsigned i = (unsigned)sent; i < n; i++)
		bytes -= t->out[i].len;
	queue_count(q, METRICS_NET_TX_PACKETS, (unsigned)sent);
	queue_count(q, METRICS_NET_TX_BYTES, bytes);
	queue_count(q, METRICS_NET_TX_DROPPED, n - (unsigned)sent);
}

static void tx_emit(struct queue *q, const struct frame *frame)
{
	if (q->tx.nout == QUEUE_SEND)
		tx_flush(q);
	q->tx.out[q->tx.nout++] = *frame;
}

/* One of a frame's segments, in memory of its own. False: it cannot be made. */
static bool tx_emit_segment(struct queue *q, const struct frame *frame, unsigned i)
{
	uint32_t most = frame->headers + frame->gso_size;
	struct frame out = { .room = most };

	if (q->tx.nout == QUEUE_SEND ||
		q->tx.segments_used + FRAME_HEADROOM + most + TX_ALIGN > QUEUE_TX_ARENA)
		tx_flush(q);
	out.data = q->tx.segments + q->tx.segments_used + FRAME_HEADROOM;
	if (offload_segment(frame, i, &out) < 0)
		return false;
	q->tx.segments_used = tx_align(q->tx.segments_used + FRAME_HEADROOM + out.len);
	q->tx.out[q->tx.nout++] = out;
	return true;
}

static bool tx_emit_segments(struct queue *q, const struct frame *frame)
{
	unsigned n = offload_segments(frame);

	queue_count(q, METRICS_NET_SEGMENTED, 1);
	for (unsigned i = 0; i < n; i++)
		if (!tx_emit_segment(q, frame, i))
			return false;
	return true;
}

/* What the port does not do for itself is done here. False: it cannot be. */
static bool tx_send(struct queue *q, struct frame *frame)
{
	if ((frame->csum_blank || frame->gso != NETIF_GSO_NONE) && offload_parse(frame) < 0)
		return false;
	if (!offload_is_taken(frame, &q->tx.offers)) {
		if (frame->gso != NETIF_GSO_NONE)
			return tx_emit_segments(q, frame);
		if (frame->csum_blank) {
			offload_finish_checksum(frame);
			queue_count(q, METRICS_NET_CHECKSUMMED, 1);
		}
		if (frame->len > q->tx.offers.max_len)
			return false;
	}
	tx_emit(q, frame);
	return true;
}

/* Such a packet is all about the filter: its data goes nowhere (netif.h). */
static int16_t tx_change_filter(struct queue *q, const struct netif_tx_packet *p)
{
	int16_t status = NETIF_RSP_OKAY;

	for (unsigned i = 0; i < p->nmcast; i++)
		if (mcast_change(&q->shared->mcast, p->mcast[i].add, p->mcast[i].addr) < 0)
			status = NETIF_RSP_ERROR;
	queue_count(q, METRICS_NET_MCAST, p->nmcast);
	return status;
}

static void tx_process(struct queue *q, struct tx_item *item)
{
	const struct netif_tx_packet *p = &item->packet;
	struct frame frame = {
		.data = item->data,
		.len = p->size,
		.room = p->size,
		.csum_blank = p->csum_blank,
		.csum_valid = p->csum_valid,
		.gso = p->gso,
		.gso_size = p->gso_size,
	};

	if (p->nmcast) {
		item->status = tx_change_filter(q, p);
		return;
	}
	if (tx_send(q, &frame))
		return;
	item->status = NETIF_RSP_ERROR;
	queue_count(q, METRICS_NET_TX_BAD, 1);
}

/* --- a batch ------------------------------------------------------------------------------- */

static void tx_answer(struct queue *q, const struct tx_item *item)
{
	for (unsigned i = 0; i < item->packet.nanswers; i++) {
		const struct netif_answer *a = &item->packet.answer[i];
		struct netif_tx_response rsp = {
			.id = a->id,
			.status = a->extra ? NETIF_RSP_NULL : item->status,
		};

		channel_answer(&q->txc, &rsp);
	}
}

/* True: something may be taken now. */
static bool tx_may_start(struct queue *q)
{
	uint64_t at = rate_ready_at(&q->shared->tx_rate);

	q->txc.wait_until = at > q->now_ns ? at : 0;
	return !q->txc.wait_until;
}

static void tx_take_batch(struct queue *q, unsigned pending)
{
	struct tx_batch *b = q->tx.next;

	while (pending && tx_has_room(b) && tx_may_start(q)) {
		bool goes_on = tx_take(q, &pending);

		rate_take(&q->shared->tx_rate, b->item[b->nitems - 1].packet.size, q->now_ns);
		if (!goes_on)
			break;
	}
}

void tx_drain(struct queue *q)
{
	struct tx_batch *b = q->tx.copied;

	for (unsigned i = 0; i < b->nitems; i++)
		if (b->item[i].data)
			tx_process(q, &b->item[i]);
	tx_flush(q);
	for (unsigned i = 0; i < b->nitems; i++)
		tx_answer(q, &b->item[i]);
	b->nitems = 0;
	b->used = 0;
	(void)channel_push(&q->txc);
}

static void tx_swap(struct tx *t)
{
	struct tx_batch *b = t->next;

	t->next = t->copied;
	t->copied = b;
}

/* Whether what was copied may wait: there is more to be copied while it is sent. */
static bool tx_goes_on(struct queue *q)
{
	return !q->failure[0] && !q->txc.wait_until && ring_back_pending(&q->txc.ring) > 0;
}

bool tx_sweep(struct queue *q)
{
	int pending = ring_back_pending(&q->txc.ring);
	bool any;

	if (pending < 0) {
		queue_fail(q, "the frontend broke the rules of transmit ring %u: %s; nothing is served until it closes",
			q->setup.index, netif_verdict_text(NETIF_FATAL_RING));
		return false;
	}
	q->txc.wait_until = 0;
	tx_take_batch(q, (unsigned)pending);
	any = q->tx.next->nitems || q->tx.copied->nitems;
	grant_copy_start(&q->copy);
	tx_drain(q);
	grant_copy_end(&q->copy, tx_copy_failed, q);
	tx_swap(&q->tx);
	if (!tx_goes_on(q))
		tx_drain(q);
	return any;
}

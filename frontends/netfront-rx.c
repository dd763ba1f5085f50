// SPDX-License-Identifier: MIT
/* The network frontend's receiving side: a page per request, pages to packets and back. */
#include "config.h"
#include "frontends/netfront-internal.h"

#include <errno.h>
#include <string.h>

/* Requests are put when so many pages are free, or none is with the backend. */
#define REFILL_BATCH 32u

void nf_rx_refill(struct netfront_queue *q)
{
	struct nf_rx *rx = &q->rx;

	while (rx->nfree && ring_front_room(&rx->ring)) {
		uint16_t page = rx->free[--rx->nfree];
		struct netif_rx_request req = { .id = page, .gref = rx->refs[page] };

		rx->posted[rx->ring.req_prod % NF_RX_SLOTS] = page;
		ring_front_put(&rx->ring, &req, sizeof(req));
	}
}

static void page_free(struct nf_rx *rx, uint16_t page)
{
	rx->free[rx->nfree++] = page;
}

/* Lend the packet's pages to the caller. */
static void lend(struct netfront_queue *q, struct netfront_rx *out)
{
	struct nf_rx *rx = &q->rx;
	const struct netif_front_rx *p = &rx->packet;

	out->meta = p->meta;
	out->npieces = p->npieces;
	for (unsigned i = 0; i < p->npieces; i++) {
		out->page[i] = p->piece[i].id;
		rx->lent[p->piece[i].id] = 1;
		out->piece[i].iov_base = rx->pool + (size_t)p->piece[i].id * NETIF_PAGE_SIZE +
					 p->piece[i].offset;
		out->piece[i].iov_len = p->piece[i].len;
	}
	q->stats.rx_packets++;
	q->stats.rx_bytes += p->meta.size;
}

static void drop(struct netfront_queue *q)
{
	for (unsigned i = 0; i < q->rx.packet.npieces; i++)
		page_free(&q->rx, q->rx.packet.piece[i].id);
	q->stats.rx_dropped++;
}

/* Take one response. 1: @out is a packet; 0: go on; or the device's failure. */
static int take_response(struct netfront_queue *q, struct netfront_rx *out)
{
	struct nf_rx *rx = &q->rx;
	uint16_t page = rx->posted[rx->ring.rsp_cons % NF_RX_SLOTS];
	enum netif_front_verdict verdict;
	union netif_rx_slot slot;
	bool is_data;

	ring_front_get(&rx->ring, &slot, sizeof(slot));
	verdict = netif_front_take(&rx->packet, &slot, page, &q->nf->limits, &is_data);
	if (netif_front_is_broken(verdict))
		return nf_fail(q->nf, -EIO, "the backend sent %s", netif_front_text(verdict));
	if (!is_data)
		page_free(rx, page);
	if (verdict == NETIF_FRONT_PACKET)
		lend(q, out);
	else if (verdict == NETIF_FRONT_DROP)
		drop(q);
	return verdict == NETIF_FRONT_PACKET;
}

int netfront_queue_recv(struct netfront_queue *q, struct netfront_rx *rx, unsigned n)
{
	int rc = nf_failed(q->nf);
	unsigned got = 0;
	int pending;

	if (rc < 0)
		return rc;
	pending = ring_front_pending(&q->rx.ring);
	if (pending < 0)
		return nf_fail(q->nf, -EIO, "the backend filled more buffers than there are");
	while (pending-- > 0 && got < n && rc >= 0) {
		rc = take_response(q, &rx[got]);
		got += rc > 0;
	}
	return rc < 0 ? rc : (int)got;
}

void netfront_queue_done(struct netfront_queue *q, const struct netfront_rx *rx, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < rx[i].npieces; j++) {
			uint16_t page = rx[i].page[j];

			/* After a reconnection what was lent is not ours to give back any more. */
			if (page >= NF_RX_SLOTS || !q->rx.lent[page])
				continue;
			q->rx.lent[page] = 0;
			page_free(&q->rx, page);
		}
	}
	if (q->rx.nfree >= REFILL_BATCH)
		nf_rx_refill(q);
}

uint32_t netfront_rx_copy(const struct netfront_rx *rx, void *to, uint32_t room)
{
	uint8_t *at = to;

	for (unsigned i = 0; i < rx->npieces && room; i++) {
		uint32_t n = rx->piece[i].iov_len < room ? rx->piece[i].iov_len : room;

		memcpy(at, rx->piece[i].iov_base, n);
		at += n;
		room -= n;
	}
	return at - (uint8_t *)to;
}

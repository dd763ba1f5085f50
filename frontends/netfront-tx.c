// SPDX-License-Identifier: MIT
/*
 * The network frontend's sending side. A packet lies in a run of granted pages, one slot per
 * page; runs are used in turn, as a ring, so that pages come back in the order in which they
 * were taken whenever the backend answers in order, and wait for each other when it does not.
 */
#include "config.h"
#include "frontends/netfront-internal.h"

#include <errno.h>
#include <string.h>

/* Small packets begin at different places of their pages: not all in one set of the caches. */
#define SMALL_PACKET 2048u
#define COLOURS 32u
#define COLOUR_BYTES 64u

static unsigned pages_of(uint32_t len)
{
	return (len + NETIF_PAGE_SIZE - 1) / NETIF_PAGE_SIZE;
}

/* Where a run of @n pages may begin: at head, or at 0 when the end is too near; -1: nowhere. */
static int find_run(const struct nf_tx *tx, unsigned n)
{
	if (tx->used == 0)
		return 0;
	if (tx->head > tx->tail) {
		if (NF_TX_PAGES - tx->head >= n)
			return tx->head;
		return tx->tail >= n ? 0 : -1;
	}
	return tx->tail - tx->head >= n ? (int)tx->head : -1;
}

/* Extras are counted as if a packet had all of them. */
static bool has_room(const struct nf_tx *tx, unsigned pages)
{
	return ring_front_room(&tx->ring) >= pages + NETIF_TX_WIRE_MAX - NETIF_SLOTS_MAX &&
	       find_run(tx, pages) >= 0;
}

bool nf_tx_has_room(const struct netfront_queue *q)
{
	return has_room(&q->tx, q->tx.wanted ? q->tx.wanted : 1);
}

void *netfront_queue_get(struct netfront_queue *q, uint32_t len)
{
	struct nf_tx *tx = &q->tx;
	unsigned pages = pages_of(len ? len : 1);

	tx->got_pages = 0;
	if (len > q->nf->info.max_len || nf_failed(q->nf))
		return NULL;
	/* Most of the time responses wait: they are taken only when their room is needed. */
	if (!has_room(tx, pages) && (nf_tx_reap(q) < 0 || !has_room(tx, pages))) {
		tx->wanted = pages;
		return NULL;
	}
	tx->wanted = 0;
	if (tx->used == 0)
		tx->head = tx->tail = 0;
	tx->got = find_run(tx, pages);
	tx->got_pages = pages;
	tx->got_len = len;
	tx->got_offset = len <= SMALL_PACKET ? tx->got % COLOURS * COLOUR_BYTES : 0;
	return tx->pool + (size_t)tx->got * NETIF_PAGE_SIZE + tx->got_offset;
}

static int check_meta(const struct netfront *nf, const struct netif_rx_meta *meta)
{
	const struct netfront_info *info = &nf->info;

	if (meta->csum_blank && !info->csum && !info->csum_ipv6)
		return -EOPNOTSUPP;
	if (meta->gso == NETIF_GSO_NONE)
		return 0;
	if (!meta->csum_blank || !meta->gso_size)
		return -EINVAL;
	return (meta->gso == NETIF_GSO_TCPV4 ? info->gso_tcpv4 : info->gso_tcpv6) ? 0 : -EOPNOTSUPP;
}

/* The slots of the run got last. Return: how many of its pages the packet takes. */
static unsigned make_slots(struct nf_tx *tx, uint32_t size, struct netif_tx_slot *slot, uint16_t *id)
{
	uint32_t offset = tx->got_offset;
	unsigned n = 0;

	do {
		uint32_t part = NETIF_PAGE_SIZE - offset;

		if (part > size)
			part = size;
		id[n] = tx->got + n;
		slot[n] = (struct netif_tx_slot){ tx->refs[tx->got + n], offset, part };
		tx->state[tx->got + n] = n ? NF_PAGE_SENT : NF_PAGE_SENT_FIRST;
		size -= part;
		offset = 0;
		n++;
	} while (size);
	return n;
}

static void take_run(struct nf_tx *tx, unsigned pages)
{
	/* From head on, or from the start: what is left over at the end counts as used until then. */
	if (tx->got < tx->head)
		tx->used += NF_TX_PAGES - tx->head;
	tx->used += pages;
	tx->head = (tx->got + pages) % NF_TX_PAGES;
}

static void put(struct netfront_queue *q, const struct netif_rx_meta *meta,
	const struct netif_mcast *mcast)
{
	union netif_tx_wire wire[NETIF_TX_WIRE_MAX];
	struct netif_tx_slot slot[NETIF_SLOTS_MAX];
	uint16_t id[NETIF_SLOTS_MAX];
	struct nf_tx *tx = &q->tx;
	unsigned n = make_slots(tx, meta->size, slot, id);

	take_run(tx, n);
	tx->got_pages = 0;
	tx->extras += netif_front_extras(meta, mcast);
	n = netif_front_encode(meta, mcast, slot, id, n, wire);
	for (unsigned i = 0; i < n; i++)
		ring_front_put(&tx->ring, &wire[i], sizeof(wire[i]));
	q->stats.tx_packets++;
	q->stats.tx_bytes += meta->size;
}

int netfront_queue_put(struct netfront_queue *q, const struct netif_rx_meta *meta)
{
	int rc = nf_failed(q->nf);

	if (rc == 0 && (!q->tx.got_pages || meta->size > q->tx.got_len))
		rc = -EINVAL;
	if (rc == 0)
		rc = check_meta(q->nf, meta);
	if (rc == 0)
		put(q, meta, NULL);
	return rc;
}

int netfront_queue_send(struct netfront_queue *q, const struct iovec *iov, unsigned niov,
	const struct netif_rx_meta *meta)
{
	uint32_t left = meta->size;
	uint8_t *to;
	int rc = nf_failed(q->nf);

	if (rc < 0)
		return rc;
	if (meta->size > q->nf->info.max_len)
		return -EOPNOTSUPP;
	to = netfront_queue_get(q, meta->size);
	if (!to)
		return nf_failed(q->nf) ? nf_failed(q->nf) : -ENOBUFS;
	for (unsigned i = 0; i < niov && left; i++) {
		size_t n = iov[i].iov_len < left ? iov[i].iov_len : left;

		memcpy(to, iov[i].iov_base, n);
		to += n;
		left -= n;
	}
	return left ? -EINVAL : netfront_queue_put(q, meta);
}

int netfront_queue_multicast(struct netfront_queue *q, bool add, const uint8_t addr[6])
{
	/* With an Ethernet header's worth of nothing: less is dropped before it is looked at. */
	const struct netif_rx_meta meta = { .size = NETIF_PACKET_MIN };
	struct netif_mcast mcast = { .add = add };
	void *data;

	if (nf_failed(q->nf))
		return nf_failed(q->nf);
	if (!q->nf->info.multicast)
		return -EOPNOTSUPP;
	data = netfront_queue_get(q, meta.size);
	if (!data)
		return -ENOBUFS;
	memset(data, 0, meta.size);
	memcpy(mcast.addr, addr, sizeof(mcast.addr));
	put(q, &meta, &mcast);
	return 0;
}

/* ---- responses ------------------------------------------------------------------ */

static void page_done(struct nf_tx *tx, unsigned page)
{
	tx->state[page] = NF_PAGE_FREE;
	while (tx->used && tx->state[tx->tail] == NF_PAGE_FREE) {
		tx->tail = (tx->tail + 1) % NF_TX_PAGES;
		tx->used--;
	}
}

static void count(struct netfront_queue *q, int16_t status)
{
	if (status == NETIF_RSP_DROPPED)
		q->stats.tx_dropped++;
	else if (status < 0)
		q->stats.tx_errors++;
}

/* Each response is for a page that is on its way, or for an extra segment. */
static int take_response(struct netfront_queue *q)
{
	struct nf_tx *tx = &q->tx;
	struct netif_tx_response rsp;

	ring_front_get(&tx->ring, &rsp, sizeof(rsp));
	if (rsp.status == NETIF_RSP_NULL) {
		if (tx->extras == 0)
			return nf_fail(q->nf, -EIO, "the backend answered an extra segment that was not sent");
		tx->extras--;
		return 0;
	}
	if (rsp.id >= NF_TX_PAGES || tx->state[rsp.id] == NF_PAGE_FREE)
		return nf_fail(q->nf, -EIO, "the backend answered a packet that was not sent (id %u)", rsp.id);
	if (tx->state[rsp.id] == NF_PAGE_SENT_FIRST)
		count(q, rsp.status);
	page_done(tx, rsp.id);
	return 0;
}

int nf_tx_reap(struct netfront_queue *q)
{
	int n = ring_front_pending(&q->tx.ring);
	int rc = 0;

	if (n < 0)
		return nf_fail(q->nf, -EIO, "the backend answered more packets than were sent");
	while (n-- > 0 && rc == 0)
		rc = take_response(q);
	return rc;
}

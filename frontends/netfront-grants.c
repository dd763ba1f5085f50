// SPDX-License-Identifier: MIT
/*
 * The network frontend's granted memory: per queue two ring pages, a pool for packets to send,
 * a pool of buffers. The backend can write into all of it at any time; nothing there is ever
 * read back to decide anything. (What is sent is granted for reading only.)
 */
#include "config.h"
#include "frontends/netfront-internal.h"

#include <errno.h>
#include <string.h>

static void *share(struct netfront *nf, unsigned pages, uint32_t *refs, bool writable)
{
	void *p = xengntshr_share_pages(nf->xgs, nf->xf.backend_id, pages, refs, writable);
	int rc = errno ? -errno : -ENOSPC;

	if (!p)
		xenfront_why(&nf->xf, rc, "cannot grant %u pages to domain %u: %s; raise the domain's "
			"limit on granted pages or ask for fewer queues", pages, nf->xf.backend_id,
			strerror(-rc));
	return p;
}

static int share_ring(struct netfront *nf, void **page, uint32_t *ref, struct ring_front *ring,
	size_t slot_size)
{
	*page = share(nf, 1, ref, true);
	if (!*page)
		return errno ? -errno : -ENOSPC;
	return ring_front_init(ring, *page, NETIF_PAGE_SIZE, slot_size);
}

static int share_pool(struct netfront *nf, uint8_t **pool, uint32_t **refs, unsigned pages, bool writable)
{
	*refs = calloc(pages, sizeof(**refs));
	if (!*refs)
		return xenfront_why(&nf->xf, -ENOMEM, "no memory");
	*pool = share(nf, pages, *refs, writable);
	return *pool ? 0 : errno ? -errno : -ENOSPC;
}

static unsigned rx_pages(const struct netfront *nf)
{
	unsigned n = nf->config.rx_buffers;

	return n && n < NF_RX_SLOTS ? n : NF_RX_SLOTS;
}

static void queue_reset(struct netfront_queue *q, unsigned buffers)
{
	struct nf_tx *tx = &q->tx;
	struct nf_rx *rx = &q->rx;

	memset(tx->state, NF_PAGE_FREE, sizeof(tx->state));
	tx->head = tx->tail = tx->used = tx->got_pages = tx->wanted = tx->extras = 0;
	memset(rx->lent, 0, sizeof(rx->lent));
	memset(&rx->packet, 0, sizeof(rx->packet));
	rx->nfree = 0;
	/* The first pages are used first: their memory stays in the caches. */
	for (unsigned i = buffers; i > 0; i--)
		rx->free[rx->nfree++] = i - 1;
}

static int share_queue(struct netfront_queue *q)
{
	struct netfront *nf = q->nf;
	unsigned buffers = rx_pages(nf);
	int rc = share_ring(nf, &q->tx_page, &q->tx_ref, &q->tx.ring, sizeof(union netif_tx_wire));

	if (rc == 0)
		rc = share_ring(nf, &q->rx_page, &q->rx_ref, &q->rx.ring, sizeof(struct netif_rx_request));
	if (rc == 0)
		rc = share_pool(nf, &q->tx.pool, &q->tx.refs, NF_TX_PAGES, false);
	if (rc == 0)
		rc = share_pool(nf, &q->rx.pool, &q->rx.refs, buffers, true);
	if (rc < 0)
		return rc;
	queue_reset(q, buffers);
	nf_rx_refill(q);
	(void)ring_front_push(&q->rx.ring); /* nobody is there yet to be told */
	return 0;
}

static int share_ctrl(struct netfront *nf)
{
	struct nf_ctrl *c = &nf->ctrl;
	int rc = share_ring(nf, &c->page, &c->ref, &c->ring, sizeof(struct xen_netif_ctrl_request));

	if (rc < 0)
		return rc;
	c->data = share(nf, 1, &c->data_ref, false);
	return c->data ? 0 : errno ? -errno : -ENOSPC;
}

int nf_share(struct netfront *nf)
{
	int rc = nf->info.ctrl ? share_ctrl(nf) : 0;

	for (unsigned i = 0; rc == 0 && i < nf->nr_queues; i++)
		rc = share_queue(&nf->queues[i]);
	return rc;
}

static void end_share(struct netfront *nf, void *pages, unsigned n)
{
	if (pages)
		xengntshr_unshare(nf->xgs, pages, n);
}

static void unshare_queue(struct netfront_queue *q)
{
	end_share(q->nf, q->tx_page, 1);
	end_share(q->nf, q->rx_page, 1);
	end_share(q->nf, q->tx.pool, NF_TX_PAGES);
	end_share(q->nf, q->rx.pool, rx_pages(q->nf));
	q->tx_page = q->rx_page = NULL;
	q->tx.pool = q->rx.pool = NULL;
	free(q->tx.refs);
	free(q->rx.refs);
	q->tx.refs = q->rx.refs = NULL;
}

void nf_unshare(struct netfront *nf)
{
	for (unsigned i = 0; nf->queues && i < nf->config.queues; i++)
		unshare_queue(&nf->queues[i]);
	end_share(nf, nf->ctrl.page, 1);
	end_share(nf, nf->ctrl.data, 1);
	nf->ctrl.page = NULL;
	nf->ctrl.data = NULL;
}

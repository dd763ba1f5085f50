// SPDX-License-Identifier: MIT
/* A queue's rings, channels and memory. Control thread. */
#include "config.h"
#include "backends/net/queue-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/fdpass.h"

/* Of each connection. */
CONFINE_RULES(net_queue, CONFINE_CALL(eventfd2));

/* Copies of a batch: each is of a slot of its own of a ring of one page. */
#define OPEN_COPY_OPS RECORD_SLOTS

_Static_assert(sizeof(struct netif_rx_request) == 8 && sizeof(struct netif_rx_response) == 8, "");

static int open_map(struct queue *q, struct channel *c, uint32_t ref, size_t slot_size,
	const char *which, char *why, size_t room)
{
	int rc;

	c->page = xengnttab_map_domain_grant_refs(q->slot->xgt, 1, q->setup.domid, &ref,
		PROT_READ | PROT_WRITE);
	if (!c->page) {
		rc = errno ? -errno : -EIO;
		snprintf(why, room, "the %s ring of queue %u (grant %" PRIu32 ") cannot be mapped: %s",
			which, q->setup.index, ref, strerror(-rc));
		return rc;
	}
	rc = ring_back_init(&c->ring, c->page, NETIF_PAGE_SIZE, slot_size);
	if (rc < 0)
		snprintf(why, room, "no slot fits the ring");
	return rc;
}

static int open_rings(struct queue *q, char *why, size_t room)
{
	int rc = open_map(q, &q->txc, q->setup.nodes.tx_ring_ref, sizeof(union netif_tx_sring_entry),
		"transmit", why, room);

	q->txc.answer_size = sizeof(struct netif_tx_response);
	q->rxc.answer_size = sizeof(struct netif_rx_response);
	return rc < 0 ? rc : open_map(q, &q->rxc, q->setup.nodes.rx_ring_ref,
				     sizeof(union netif_rx_sring_entry), "receive", why, room);
}

static int open_bind(struct queue *q, uint32_t remote, int *port, char *why, size_t room)
{
	int rc = xenevtchn_bind_interdomain(q->slot->xce, q->setup.domid, remote);

	if (rc >= 0) {
		*port = rc;
		return 0;
	}
	rc = errno ? -errno : -EIO;
	snprintf(why, room, "event channel %" PRIu32 " of queue %u cannot be bound: %s", remote,
		q->setup.index, strerror(-rc));
	return rc;
}

static int open_channels(struct queue *q, char *why, size_t room)
{
	const struct netif_queue_nodes *n = &q->setup.nodes;
	int rc = open_bind(q, n->tx_channel, &q->txc.port, why, room);

	if (rc < 0)
		return rc;
	if (n->rx_channel == n->tx_channel)
		q->rxc.port = q->txc.port;
	else
		rc = open_bind(q, n->rx_channel, &q->rxc.port, why, room);
	if (rc == 0) {
		rc = fd_set_nonblock(xenevtchn_fd(q->slot->xce));
		if (rc < 0)
			snprintf(why, room, "event channels of queue %u: %s", q->setup.index,
				strerror(-rc));
	}
	return rc;
}

/* Before the thread runs: from then on all but "connected" is the thread's. */
static int open_metrics(struct queue *q)
{
	q->shown = metrics_page_ring(q->shared->metrics, q->setup.index);
	if (!q->shown)
		q->shown = q->own_shown = calloc(1, sizeof(*q->own_shown));
	if (!q->shown)
		return -ENOMEM;
	q->metric = q->shown->counter;
	metric_set(&q->shown->depth, q->txc.ring.nr);
	metric_set(&q->shown->features, q->setup.features);
	metric_set(&q->shown->connected, 1);
	return 0;
}

static int open_memory(struct queue *q, char *why, size_t room)
{
	int rc = grant_copy_init(&q->copy, q->slot->xgt, q->setup.domid, OPEN_COPY_OPS);
	size_t bytes;

	q->memory = grant_copy_memory(q->slot->xgt, QUEUE_TX_ARENA + 2 * backlog_memory(), &bytes);
	if (rc == 0)
		rc = tx_init(q);
	if (rc == 0)
		rc = rx_init(q);
	if (rc == 0)
		rc = open_metrics(q);
	if (rc < 0)
		snprintf(why, room, "out of memory");
	return rc;
}

static void open_record(struct queue *q)
{
	struct record *r = q->shared->record;

	q->record = q->setup.resume ? record_adopt(r, q->setup.index) :
				      record_begin(r, q->setup.index, &q->setup.nodes);
	if (!q->record)
		return;
	q->txc.record = &q->record->tx;
	q->rxc.record = &q->record->rx;
}

static int open_handles(struct queue *q, char *why, size_t room)
{
	int rc = slot_make(q->slot, why, room);

	if (rc < 0)
		return rc;
	q->control_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->control_fd >= 0)
		return 0;
	snprintf(why, room, "no eventfd: %s", strerror(errno));
	return -errno;
}

int queue_create(struct queue_shared *shared, const struct queue_setup *setup, struct queue **queue,
	char *why, size_t room)
{
	struct queue *q = calloc(1, sizeof(*q));
	int rc;

	if (!q) {
		snprintf(why, room, "out of memory");
		return -ENOMEM;
	}
	q->shared = shared;
	q->slot = &shared->slot[setup->index];
	q->setup = *setup;
	q->txc.port = q->rxc.port = q->control_fd = -1;
	q->ended = true;
	q->drop_limit = (struct log_limit){ .burst = 5, .interval_ms = 10000 };
	sem_init(&q->go, 0, 0);
	rc = open_handles(q, why, room);
	if (rc == 0)
		rc = open_rings(q, why, room);
	if (rc == 0)
		rc = open_channels(q, why, room);
	if (rc == 0)
		rc = open_memory(q, why, room);
	if (rc < 0) {
		queue_destroy(q);
		return rc;
	}
	open_record(q);
	*queue = q;
	return 0;
}

static void close_channel(struct queue *q, struct channel *c)
{
	if (c->port >= 0)
		xenevtchn_unbind(q->slot->xce, (evtchn_port_t)c->port);
	if (c->page)
		xengnttab_unmap(q->slot->xgt, c->page, 1);
}

void queue_join(struct queue *q)
{
	if (q->has_thread)
		slot_join(q->slot);
	q->has_thread = false;
}

void queue_destroy(struct queue *q)
{
	if (!q)
		return;
	queue_join(q);
	if (q->rx.stall.stalled)
		__atomic_sub_fetch(&q->shared->stalled, 1, __ATOMIC_RELEASE);
	record_end(q->record);
	if (q->rxc.port == q->txc.port)
		q->rxc.port = -1;
	close_channel(q, &q->txc);
	close_channel(q, &q->rxc);
	tx_dispose(q);
	rx_dispose(q);
	grant_copy_dispose(&q->copy);
	if (q->shown)
		metric_set(&q->shown->connected, 0);
	free(q->own_shown);
	if (q->control_fd >= 0)
		close(q->control_fd);
	sem_destroy(&q->go);
	free(q);
}

/* SPDX-License-Identifier: MIT */
/*
 * Inside of the network frontend: netfront.c (the device), netfront-tx.c and netfront-rx.c
 * (packets), netfront-wait.c (polling, sleeping, the backend's state), netfront-connect.c
 * (the handshake), netfront-ctrl.c (the control ring), netfront-grants.c (memory).
 *
 * A queue belongs to one thread at a time. What the queues share is read-only once
 * connected, atomic, or behind the device's lock.
 */
#ifndef SLUICE_FRONTENDS_NETFRONT_INTERNAL_H
#define SLUICE_FRONTENDS_NETFRONT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/spin.h"
#include "frontends/netfront.h"
#include "frontends/xenfront.h"
#include "protocol/netif-front.h"
#include "protocol/netif-nodes.h"
#include "protocol/ring.h"

/* One page for each ring. */
#define NF_TX_SLOTS 256u
#define NF_RX_SLOTS 256u
/* What a ring can name, and what a packet at the end leaves behind to be in one piece. */
#define NF_TX_PAGES (NF_TX_SLOTS + NETIF_SLOTS_MAX)

/** struct nf_channel - an event channel of a queue. */
struct nf_channel {
	int port;                     /* -1: none */
	bool masked;                  /* taken by xenevtchn_pending(), not unmasked yet */
};

enum nf_page_state { NF_PAGE_FREE, NF_PAGE_SENT, NF_PAGE_SENT_FIRST };

/** struct nf_tx - packets to the backend: runs of pages, used in turn. */
struct nf_tx {
	struct ring_front ring;
	uint8_t *pool;
	uint32_t *refs;
	uint8_t state[NF_TX_PAGES];   /* enum nf_page_state */
	unsigned head, tail, used;    /* pages in use are from tail to head */
	unsigned got, got_pages;      /* by netfront_queue_get(); got_pages 0: nothing */
	uint32_t got_offset, got_len;
	unsigned wanted;              /* pages that there was no room for */
	unsigned extras;              /* extra segments in flight */
};

/** struct nf_rx - buffers for packets from the backend. */
struct nf_rx {
	struct ring_front ring;
	uint8_t *pool;
	uint32_t *refs;
	uint16_t posted[NF_RX_SLOTS]; /* page of each request in the ring */
	uint16_t free[NF_RX_SLOTS];   /* a stack */
	uint8_t lent[NF_RX_SLOTS];    /* to the caller */
	unsigned nfree;
	struct netif_front_rx packet; /* that is being received */
};

/** struct netfront_queue - two rings, their event channels and their pages. */
struct netfront_queue {
	struct netfront *nf;
	unsigned index;
	struct nf_tx tx;
	struct nf_rx rx;
	struct netfront_stats stats;
	struct spin spin;
	unsigned waits;               /* since the store's watch was last looked at */

	/* both are one without split channels: rx_channel is then not used */
	xenevtchn_handle *xce;
	struct nf_channel channel, rx_channel;
	int epoll_fd;                 /* of netfront_queue_fd(), made when first asked for */

	/* the rings' pages */
	void *tx_page, *rx_page;
	uint32_t tx_ref, rx_ref;
} __attribute__((aligned(64)));       /* queues of different threads share no cache line */

/** struct nf_ctrl - the control ring; page NULL: there is none. */
struct nf_ctrl {
	struct ring_front ring;
	void *page;
	uint32_t ref;
	uint8_t *data;                /* a page for keys and mappings */
	uint32_t data_ref;
	xenevtchn_handle *xce;
	int port;
	uint16_t next_id;
};

struct netfront {
	struct xenfront xf;
	struct netfront_info info;
	struct netif_front_limits limits; /* what we told the backend that we take */
	struct netif_frontend_nodes nodes;
	unsigned nr_queues;
	struct netfront_queue *queues; /* config.queues of them */
	struct nf_ctrl ctrl;
	xengntshr_handle *xgs;

	/* shared by the queues' threads */
	_Atomic int failed;            /* 0, -EIO or -ENOTCONN; set once per connection, after why */
	atomic_bool carrier;
	int broken_fd;                 /* eventfd, readable while failed */
	pthread_mutex_t lock;          /* for why; the store's is taken before it */
	char why[200];

	struct netfront_config config; /* defaults filled in */
};

/** nf_fail() - end the device and say why; the first cause stays. Return: that cause. */
int nf_fail(struct netfront *nf, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static inline int nf_failed(const struct netfront *nf)
{
	return atomic_load_explicit(&nf->failed, memory_order_acquire);
}

/** nf_connect() - from the store's nodes to a Connected device. 0 or -errno, xf.why set. */
int nf_connect(struct netfront *nf) must_check;
/** nf_disconnect() - handshake, channels, grants; leaves what nf_connect() needs. */
void nf_disconnect(struct netfront *nf);

/** nf_share() - grant rings and pages, fill the receive rings. 0 or -errno, xf.why set. */
int nf_share(struct netfront *nf) must_check;
/** nf_unshare() - end all grants; may be called twice. */
void nf_unshare(struct netfront *nf);

/** nf_tx_reap() - take the responses to what was sent. 0 or the device's failure. */
int nf_tx_reap(struct netfront_queue *q) must_check;
/** nf_tx_has_room() - for what netfront_queue_get() found none for. */
bool nf_tx_has_room(const struct netfront_queue *q);
/** nf_rx_refill() - put requests for all free pages, not shown yet. */
void nf_rx_refill(struct netfront_queue *q);

/** nf_make_channel() - an unbound port for the backend on @xce. 0 or -errno, xf.why set. */
int nf_make_channel(struct netfront *nf, xenevtchn_handle *xce, int *port) must_check;

/** nf_check_backend() - look at the backend's state: may fail the device. Takes the store's lock. */
void nf_check_backend(struct netfront *nf);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Inside of the block frontend: blkfront.c (the device), blkfront-queue.c (requests
 * and responses), blkfront-wait.c (polling, sleeping), blkfront-connect.c (the
 * handshake), blkfront-watch.c (the backend's state), blkfront-grants.c (memory), xenfront.c
 * (the store).
 *
 * A queue belongs to one thread at a time. What the queues share is read-only once
 * connected, atomic, or behind the device's lock.
 */
#ifndef SLUICE_FRONTENDS_BLKFRONT_INTERNAL_H
#define SLUICE_FRONTENDS_BLKFRONT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/spin.h"
#include "frontends/blkfront.h"
#include "frontends/xenfront.h"
#include "protocol/blkif.h"
#include "protocol/ring.h"
#include "protocol/xenbus.h"

enum bf_slot_state { BF_IDLE, BF_HELD, BF_IN_FLIGHT };

/** struct bf_slot - an I/O, its pages, and what is expected in its response. */
struct bf_slot {
	struct blkfront_io io;        /* first: the caller's view */
	uint64_t id;                  /* on the wire: generation << 16 | index */
	enum bf_slot_state state;
	uint8_t wire_op;
	const uint32_t *refs;         /* its data pages, always the same and in order */
	void *indirect_page;          /* descriptors; NULL without indirect requests */
	uint32_t indirect_ref;
};

/** struct blkfront_queue - a ring, its event channel and its buffers. */
struct blkfront_queue {
	struct blkfront *bf;
	unsigned index;

	/* data path */
	struct ring_front ring;
	struct bf_slot *slots;
	struct bf_slot **idle;        /* stack of idle slots */
	unsigned nr_slots;
	unsigned nr_idle;
	unsigned in_flight;
	unsigned unpushed;            /* requests that were put and the backend does not see yet */
	int failed;                   /* 0, -EIO or -ENOTCONN for good; this queue's own view */
	uint64_t generation;          /* in ids: tells a late duplicate from the answer */
	struct blkif_req req;         /* scratch: too large for the stack of a hot path */
	struct spin spin;
	uint64_t checked_ns;          /* when the backend's state was last read for want of answers */
	unsigned waits;               /* since the store's watch was last looked at */

	/* event channel */
	xenevtchn_handle *xce;
	int port;                     /* -1: none */
	bool masked;                  /* taken by xenevtchn_pending(), not unmasked yet */
	int epoll_fd;                 /* of blkfront_queue_fd(), made when first asked for */

	/* memory */
	void *ring_pages;
	uint32_t ring_refs[1u << BLKIF_MAX_RING_ORDER];
	uint8_t *pool;
	uint32_t *pool_refs;
	unsigned pool_pages;
} __attribute__((aligned(64)));       /* queues of different threads share no cache line */

struct blkfront {
	struct xenfront xf;            /* its lock is taken before the other */
	enum blkif_abi abi;
	unsigned nr_queues;
	struct blkfront_queue *queues; /* room for config.queues of them */
	struct blkfront_info info;     /* size: atomic */

	/* shared by the queues' threads */
	_Atomic int failed;            /* 0, -EIO or -ENOTCONN for good; set once, after why */
	atomic_bool closing;           /* the backend wants to go: no new requests */
	int broken_fd;                 /* eventfd, readable for ever once failed; -1 with one queue */
	pthread_mutex_t lock;          /* for why, closing_end and looks at the backend's state */
	uint64_t closing_end;          /* until then it may answer what it has */
	char why[200];

	/* memory */
	xengntshr_handle *xgs;
	unsigned ring_order;

	struct blkfront_config config; /* defaults filled in */
};

/** bf_fail() - end the device for good and say why; the first cause stays. Return: that cause. */
int bf_fail(struct blkfront *bf, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** bq_init() - an unconnected queue. */
void bq_init(struct blkfront_queue *q, struct blkfront *bf, unsigned index);
/** bq_fail_all() - complete what is in flight with @rc, for good. Return: the queue's cause. */
int bq_fail_all(struct blkfront_queue *q, int rc);
/** bq_failed() - whether this queue has to end, and why: 0 or -errno. */
static inline int bq_failed(const struct blkfront_queue *q)
{
	return q->failed ? q->failed : atomic_load_explicit(&q->bf->failed, memory_order_acquire);
}

/** bf_share_rings() - grant each queue 1 << ring_order pages and set up its ring. 0 or -errno. */
int bf_share_rings(struct blkfront *bf) must_check;
/** bf_share_pools() - grant the buffers and make the slots; may cut info.max_segments. */
int bf_share_pools(struct blkfront *bf) must_check;
/** bf_unshare() - end all grants and free what the two made; may be called twice. */
void bf_unshare(struct blkfront *bf);

/** bf_connect() - from the store's nodes to a Connected device. 0 or -errno, xf.why set. */
int bf_connect(struct blkfront *bf) must_check;
/** bf_check_backend() - look at the backend's state (and size): may fail the device. */
void bf_check_backend(struct blkfront *bf, const struct blkfront_queue *q);

/** BF_MAX_SECTORS - where "sectors" stops making sense: a size in bytes fits off_t. */
#define BF_MAX_SECTORS ((uint64_t)INT64_MAX / BLKIF_SECTOR_SIZE)

#endif

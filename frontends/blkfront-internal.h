/* SPDX-License-Identifier: MIT */
/*
 * Inside of the block frontend: blkfront.c (the device), blkfront-queue.c (requests
 * and responses), blkfront-wait.c (polling, sleeping), blkfront-connect.c (the
 * handshake), blkfront-watch.c (the backend's state), blkfront-store.c (the connection to the
 * store), blkfront-grants.c (memory).
 *
 * A queue belongs to one thread at a time. What the queues share is read-only once
 * connected, atomic, or behind the device's lock.
 */
#ifndef SLUICE_FRONTENDS_BLKFRONT_INTERNAL_H
#define SLUICE_FRONTENDS_BLKFRONT_INTERNAL_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "common/spin.h"
#include "frontends/blkfront.h"
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

	/* store; what is between here and dir changes once connected, behind store_lock */
	pthread_mutex_t store_lock;    /* taken before lock */
	struct xs_handle *xs;
	int store_end;                 /* hangs up when the store does; -1: it does not, or has */
	int store_timer;               /* fires when a store that is lost is to be looked for */
	bool store_lost;
	uint64_t store_lost_ns;
	char *dir;                    /* device/vbd/N, relative to our home */
	char *backend;                /* path of the backend's directory */
	uint32_t backend_id;
	bool published;               /* our nodes are in the store: close with a handshake */

	struct blkfront_config config; /* defaults filled in */
};

/** bf_fail() - end the device for good and say why; the first cause stays. Return: that cause. */
int bf_fail(struct blkfront *bf, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** bf_why() - before there is a device: only notes the cause. Return: @rc. */
int bf_why(struct blkfront *bf, int rc, const char *fmt, ...)
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

/** bf_connect() - from the store's nodes to a Connected device. 0 or -errno, bf->why set. */
int bf_connect(struct blkfront *bf) must_check;
/** bf_disconnect() - Closing, Closed; waits for the backend within the timeout. */
void bf_disconnect(struct blkfront *bf);

/** bf_read_state() - XenbusStateUnknown when the node is gone or no state; else -errno. */
int bf_read_state(struct blkfront *bf, xs_transaction_t t, const char *dir,
	XenbusState *state) must_check;
/** bf_backend_error() - what the backend says went wrong, one printable line; NULL: nothing. */
char *bf_backend_error(struct blkfront *bf);
/** bf_make_printable() - text that the backend wrote, for one line of our own. */
void bf_make_printable(char *text);
/** bf_deadline() - when a handshake that begins now has failed. */
uint64_t bf_deadline(const struct blkfront *bf);
/** bf_check_backend() - look at the backend's state (and size): may fail the device. */
void bf_check_backend(struct blkfront *bf, const struct blkfront_queue *q);

/** bf_store_open() - connect to the store. 0 or -errno, bf->why set. */
int bf_store_open(struct blkfront *bf) must_check;
/** bf_store_close() - also of one that was not, or not fully, opened. */
void bf_store_close(struct blkfront *bf);
/** bf_store_watch() - watch the backend's state. 0 or -errno, bf->why set. */
int bf_store_watch(struct blkfront *bf) must_check;
/** bf_store_is_there() - under store_lock: whether it can be asked; one that came back is taken. */
bool bf_store_is_there(struct blkfront *bf);
/** bf_store_is_gone() - under store_lock: whether @rc, its answer, means that it ended. */
bool bf_store_is_gone(struct blkfront *bf, int rc);
/** BF_STORE_FDS - how many descriptors tell of the store. */
#define BF_STORE_FDS 3
/** bf_store_poll_fds() - what queue 0 is to poll; good for one poll. */
void bf_store_poll_fds(struct blkfront *bf, struct pollfd fds[BF_STORE_FDS]);
/** bf_store_take() - what they said. True: bf_check_backend() has something to look at. */
bool bf_store_take(struct blkfront *bf, const struct pollfd fds[BF_STORE_FDS]);
/** bf_store_epoll() - add them to queue 0's epoll_fd, where they stay up to date. 0 or -errno. */
int bf_store_epoll(struct blkfront *bf) must_check;

/** BF_MAX_SECTORS - where "sectors" stops making sense: a size in bytes fits off_t. */
#define BF_MAX_SECTORS ((uint64_t)INT64_MAX / BLKIF_SECTOR_SIZE)

#endif

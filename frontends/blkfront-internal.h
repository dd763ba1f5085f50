/* SPDX-License-Identifier: MIT */
/*
 * Inside of the block frontend: blkfront.c (requests and responses), blkfront-wait.c
 * (polling, sleeping, the backend's state), blkfront-connect.c (the store),
 * blkfront-grants.c (memory). All run in the thread that owns the handle.
 */
#ifndef SLUICE_FRONTENDS_BLKFRONT_INTERNAL_H
#define SLUICE_FRONTENDS_BLKFRONT_INTERNAL_H

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "common/spin.h"
#include "frontends/blkfront.h"
#include "protocol/blkif.h"
#include "protocol/ring.h"

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

struct blkfront {
	/* data path */
	struct ring_front ring;
	enum blkif_abi abi;
	struct bf_slot *slots;
	struct bf_slot **idle;        /* stack of idle slots */
	unsigned nr_slots;
	unsigned nr_idle;
	unsigned in_flight;
	bool unpushed;                /* requests were put that the backend does not see yet */
	uint64_t generation;          /* in ids: tells a late duplicate from the answer */
	struct blkif_req req;         /* scratch: too large for the stack of a hot path */
	struct spin spin;
	uint64_t checked_ns;          /* when the backend's state was last read for want of answers */
	int failed;                   /* 0, -EIO or -ENOTCONN for good */
	bool closing;                 /* the backend wants to go: no new requests */
	uint64_t closing_end;         /* until then it may answer what it has */
	char why[200];
	struct blkfront_info info;

	/* event channel */
	xenevtchn_handle *xce;
	int port;                     /* -1: none */
	bool masked;                  /* taken by xenevtchn_pending(), not unmasked yet */
	int epoll_fd;                 /* of blkfront_fd(), made when first asked for */

	/* memory */
	xengntshr_handle *xgs;
	void *ring_pages;
	uint32_t ring_refs[1u << BLKIF_MAX_RING_ORDER];
	unsigned ring_order;
	uint8_t *pool;
	uint32_t *pool_refs;
	unsigned pool_pages;

	/* store */
	struct xs_handle *xs;
	char *dir;                    /* device/vbd/N, relative to our home */
	char *backend;                /* path of the backend's directory */
	uint32_t backend_id;
	bool multi_ref;               /* the backend knows ring-page-order */
	bool published;               /* our nodes are in the store: close with a handshake */

	struct blkfront_config config; /* defaults filled in */
};

/** bf_fail() - end the device for good and say why; the first cause stays. Return: @rc. */
int bf_fail(struct blkfront *bf, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** bf_why() - the same before there is a device: only notes the cause. Return: @rc. */
int bf_why(struct blkfront *bf, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** bf_fail_all() - complete what is in flight with bf->failed. Return: bf->failed. */
int bf_fail_all(struct blkfront *bf);

/** bf_share_ring() - grant 1 << ring_order pages and set up the ring. 0 or -errno. */
int bf_share_ring(struct blkfront *bf) must_check;
/** bf_share_pool() - grant the buffers and make the slots; may cut info.max_segments. */
int bf_share_pool(struct blkfront *bf) must_check;
/** bf_unshare() - end all grants and free what the two made; may be called twice. */
void bf_unshare(struct blkfront *bf);

/** bf_connect() - from the store's nodes to a Connected device. 0 or -errno, bf->why set. */
int bf_connect(struct blkfront *bf) must_check;
/** bf_disconnect() - Closing, Closed; waits for the backend within the timeout. */
void bf_disconnect(struct blkfront *bf);
/** bf_check_backend() - look at the backend's state (and size): may fail the device. */
void bf_check_backend(struct blkfront *bf);

#endif

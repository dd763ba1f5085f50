/* SPDX-License-Identifier: MIT */
/*
 * Safe shared rings, both ends, for any slot size (xen/io/ring.h's layout: a
 * 64-byte header, then a power of two of slots that requests and responses share).
 *
 * The other end may write anything anywhere in the ring at any time. So: indices
 * of our own are private; every slot is copied once and only the copy is used
 * (XSA-155, CVE-2015-8550); a producer index that is out of range breaks the ring
 * for good (XSA-39's rule). A ring belongs to one thread.
 */
#ifndef SLUICE_PROTOCOL_RING_H
#define SLUICE_PROTOCOL_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/** RING_HEADER_SIZE - bytes before the first slot. */
#define RING_HEADER_SIZE 64u

/** ring_slots() - how many slots of @slot_size fit @bytes: a power of two, 0 if none. */
unsigned ring_slots(size_t bytes, size_t slot_size);

/** struct ring_back - the backend's end: consumes requests, produces responses. */
struct ring_back {
	uint8_t *page;
	uint32_t nr;         /* slots */
	uint32_t slot_size;  /* bytes */
	uint32_t req_cons;   /* requests taken */
	uint32_t rsp_prod;   /* responses written, published or not */
	uint32_t rsp_published;
	bool broken;         /* for good: the frontend broke the ring's rules, or our caller did */
};

/**
 * ring_back_init() - attach to a ring.
 * @page: the mapped ring, @bytes long; stays the caller's
 *
 * Begins at the published rsp_prod (0 in a fresh ring), which the frontend can
 * have written: req_cons starts there, too. Return: 0, or -EINVAL: no slot fits.
 */
int ring_back_init(struct ring_back *r, void *page, size_t bytes, size_t slot_size) must_check;

/**
 * ring_back_resume() - after ring_back_init(): a predecessor took @unanswered requests beyond
 * the published responses, which are now ours to answer. 0, or -EPROTO: more than slots.
 */
int ring_back_resume(struct ring_back *r, uint32_t unanswered) must_check;

/**
 * ring_back_pending() - how many requests wait.
 *
 * Return: 0 to nr, or -EPROTO for good after req_prod ran more than a ring ahead
 * of the responses. Orders the index before the slots (pairs with the frontend's
 * write barrier before its req_prod).
 */
int ring_back_pending(struct ring_back *r) must_check;

/**
 * ring_back_get() - copy the next request out and consume it.
 * @slot: room for slot_size bytes
 *
 * Only as often as ring_back_pending() allowed. On a broken ring, and beyond a ring
 * of unanswered requests, the slot is all zero and the ring broken.
 */
void ring_back_get(struct ring_back *r, void *slot);

/**
 * ring_back_final_check() - ask for an event at the next request, then look again.
 *
 * True: do not sleep; requests wait, or the ring is broken and ring_back_pending() says so.
 */
bool ring_back_final_check(struct ring_back *r);

/**
 * ring_back_final_check_for() - the same where fewer than @wanted requests are of no use: asks
 * for an event when so many wait. 1 to nr.
 */
bool ring_back_final_check_for(struct ring_back *r, uint32_t wanted);

/**
 * ring_back_put() - write the next response; not seen before ring_back_push().
 * @rsp: @len bytes, at most slot_size; padding is the caller's to have cleared (XSA-216)
 *
 * One per request taken: a further one would overwrite a request that waits, so it is
 * not written and breaks the ring instead.
 */
void ring_back_put(struct ring_back *r, const void *rsp, size_t len);

/** ring_back_push() - publish what was put. True: the frontend asked for an event. */
bool ring_back_push(struct ring_back *r);

/** ring_back_unanswered() - requests taken and not yet answered (published or not). */
static inline uint32_t ring_back_unanswered(const struct ring_back *r)
{
	return r->req_cons - r->rsp_prod;
}

/** struct ring_front - the frontend's end: produces requests, consumes responses. */
struct ring_front {
	uint8_t *page;
	uint32_t nr;
	uint32_t slot_size;
	uint32_t req_prod;  /* requests written, published or not */
	uint32_t req_published;
	uint32_t rsp_cons;
	bool broken;        /* for good: the backend broke the ring's rules, or our caller did */
};

/** ring_front_init() - write the header of a fresh ring. 0, or -EINVAL: no slot fits. */
int ring_front_init(struct ring_front *r, void *page, size_t bytes, size_t slot_size) must_check;
/** ring_front_room() - how many requests may be put now. */
static inline unsigned ring_front_room(const struct ring_front *r)
{
	return r->nr - (r->req_prod - r->rsp_cons);
}
/** ring_front_put() - write a request; not seen before ring_front_push(); needs room, else the ring breaks. */
void ring_front_put(struct ring_front *r, const void *req, size_t len);
/** ring_front_push() - publish. True: the backend asked for an event. */
bool ring_front_push(struct ring_front *r);
/**
 * ring_front_push_is_quiet() - whether ring_front_push() would need no event just now: the
 * backend looks at the ring by itself. A hint, no more.
 */
bool ring_front_push_is_quiet(const struct ring_front *r);
/** ring_front_pending() - responses that wait, or -EPROTO for good: rsp_prod beyond what was published. */
int ring_front_pending(struct ring_front *r) must_check;
/** ring_front_get() - copy the next response out and consume it. */
void ring_front_get(struct ring_front *r, void *rsp, size_t len);
/** ring_front_final_check() - as ring_back_final_check(), for responses. */
bool ring_front_final_check(struct ring_front *r);
/** ring_front_final_check_for() - as ring_back_final_check_for(). At most as many as requests are published. */
bool ring_front_final_check_for(struct ring_front *r, uint32_t wanted);

#endif

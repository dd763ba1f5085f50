// SPDX-License-Identifier: MIT
/*
 * Safe shared rings. Runs in the thread that owns the ring; trusts nothing in the
 * shared page but the mapping itself.
 *
 * Ordering. Each direction of a ring has an index (req_prod, rsp_prod) that its
 * producer publishes after the slots, and an event threshold (req_event, rsp_event)
 * that its consumer sets before it sleeps:
 *
 *     producer                            consumer
 *     write slots                         read index            (acquire)
 *     write index    (release)            read slots
 *
 *     write index                         write threshold
 *     full barrier                        full barrier
 *     read threshold                      read index again
 *
 * The second pair is a store followed by a load of another word on both sides: with
 * anything less both could read the old value, the producer would not notify and the
 * consumer would sleep for ever. The other side is often a kernel that has a full barrier
 * (virt_mb()) between plain accesses, and so have we: a sequentially consistent store and
 * load would do on every processor (STLR, LDAR on Arm), but not on QEMU's emulation of Arm by
 * x86 threads, which lets the load pass the store.
 */
#include "config.h"
#include "protocol/ring.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/ring.h>

/** The header as xen/io/ring.h lays it out, once for all slot types. */
struct ring_header {
	uint32_t req_prod;
	uint32_t req_event;
	uint32_t rsp_prod;
	uint32_t rsp_event;
	uint8_t pad[48];
};
_Static_assert(sizeof(struct ring_header) == RING_HEADER_SIZE, "ring header size");

DEFINE_RING_TYPES(layout, uint32_t, uint32_t);
#define SAME_OFFSET(field)                                                                 \
	_Static_assert(offsetof(struct ring_header, field) ==                              \
			offsetof(struct layout_sring, field), "offset of " #field)
SAME_OFFSET(req_prod);
SAME_OFFSET(req_event);
SAME_OFFSET(rsp_prod);
SAME_OFFSET(rsp_event);
_Static_assert(offsetof(struct layout_sring, ring) == RING_HEADER_SIZE, "offset of slots");

static struct ring_header *ring_header(uint8_t *page)
{
	return (struct ring_header *)page;
}

static uint8_t *ring_slot(uint8_t *page, uint32_t nr, uint32_t slot_size, uint32_t index)
{
	return page + RING_HEADER_SIZE + (size_t)(index & (nr - 1)) * slot_size;
}

/*
 * Copy out of shared memory. The asm claims to change all memory, so the compiler
 * cannot use the shared bytes again in place of the copy (XSA-155).
 */
static void ring_copy_out(void *to, const uint8_t *shared, size_t len)
{
	memcpy(to, shared, len);
	__asm__ __volatile__("" : : "r"(to) : "memory");
}

/* Our store before our next load, as every processor sees them; a fence that TSan accepts. */
static inline void ring_full_barrier(void)
{
	__sync_synchronize();
}

/* A threshold lies in (old, new]: the consumer waits for one of what was just published. */
static bool ring_event_crossed(uint32_t event, uint32_t old, uint32_t new)
{
	return (uint32_t)(new - event) < (uint32_t)(new - old);
}

unsigned ring_slots(size_t bytes, size_t slot_size)
{
	unsigned nr = 1;
	size_t fit;

	if (bytes < RING_HEADER_SIZE || slot_size == 0)
		return 0;
	fit = (bytes - RING_HEADER_SIZE) / slot_size;
	if (fit == 0)
		return 0;
	while (nr <= fit / 2 && nr < (unsigned)INT_MAX / 2)
		nr *= 2;
	return nr;
}

int ring_back_init(struct ring_back *r, void *page, size_t bytes, size_t slot_size)
{
	uint32_t start;

	memset(r, 0, sizeof(*r));
	r->page = page;
	r->nr = ring_slots(bytes, slot_size);
	if (r->nr == 0)
		return -EINVAL;
	r->slot_size = slot_size;
	/* Not ordered against anything: what it refers to was handed over by the store. */
	start = __atomic_load_n(&ring_header(page)->rsp_prod, __ATOMIC_RELAXED);
	r->req_cons = start;
	r->rsp_prod = start;
	r->rsp_published = start;
	return 0;
}

int ring_back_resume(struct ring_back *r, uint32_t unanswered)
{
	if (unanswered > r->nr)
		return -EPROTO;
	r->req_cons = r->rsp_prod + unanswered;
	return 0;
}

/*
 * The room left for requests bounds req_prod from above, and a req_prod behind
 * req_cons shows as a distance near 2^32: one comparison catches both.
 */
static int ring_back_waiting(struct ring_back *r, uint32_t req_prod)
{
	uint32_t waiting = req_prod - r->req_cons;

	if (r->broken)
		return -EPROTO;
	if (waiting > r->nr - ring_back_unanswered(r)) {
		r->broken = true;
		return -EPROTO;
	}
	return waiting;
}

int ring_back_pending(struct ring_back *r)
{
	/* Acquire: slots are read after the index; pairs with the frontend's write barrier. */
	return ring_back_waiting(r,
		__atomic_load_n(&ring_header(r->page)->req_prod, __ATOMIC_ACQUIRE));
}

void ring_back_get(struct ring_back *r, void *slot)
{
	if (r->broken || ring_back_unanswered(r) >= r->nr) {
		r->broken = true;
		memset(slot, 0, r->slot_size);
		return;
	}
	ring_copy_out(slot, ring_slot(r->page, r->nr, r->slot_size, r->req_cons), r->slot_size);
	r->req_cons++;
}

bool ring_back_final_check(struct ring_back *r)
{
	return ring_back_final_check_for(r, 1);
}

/* A broken ring has less than nothing: it is not slept on, either. */
static bool ring_suffices(int waiting, uint32_t wanted)
{
	return waiting < 0 || (uint32_t)waiting >= wanted;
}

bool ring_back_final_check_for(struct ring_back *r, uint32_t wanted)
{
	struct ring_header *h = ring_header(r->page);

	if (ring_suffices(ring_back_pending(r), wanted))
		return true;
	/*
	 * The threshold must be seen before we look again: pairs with the frontend's
	 * full barrier between its req_prod and its look at req_event.
	 */
	__atomic_store_n(&h->req_event, r->req_cons + wanted, __ATOMIC_RELAXED);
	ring_full_barrier();
	return ring_suffices(ring_back_pending(r), wanted);
}

void ring_back_put(struct ring_back *r, const void *rsp, size_t len)
{
	/* A second answer to one request would overwrite a request not yet taken. */
	if (r->broken || ring_back_unanswered(r) == 0 || len > r->slot_size) {
		r->broken = true;
		return;
	}
	memcpy(ring_slot(r->page, r->nr, r->slot_size, r->rsp_prod), rsp, len);
	r->rsp_prod++;
}

bool ring_back_push(struct ring_back *r)
{
	struct ring_header *h = ring_header(r->page);
	uint32_t old = r->rsp_published;
	uint32_t event;

	if (r->rsp_prod == old)
		return false;
	/*
	 * Releases the slots (pairs with the frontend's read barrier after rsp_prod), and
	 * is seen before we look at rsp_event (pairs with its final check's full barrier).
	 */
	__atomic_store_n(&h->rsp_prod, r->rsp_prod, __ATOMIC_RELEASE);
	ring_full_barrier();
	event = __atomic_load_n(&h->rsp_event, __ATOMIC_RELAXED);
	r->rsp_published = r->rsp_prod;
	return ring_event_crossed(event, old, r->rsp_prod);
}

int ring_front_init(struct ring_front *r, void *page, size_t bytes, size_t slot_size)
{
	struct ring_header *h = page;

	memset(r, 0, sizeof(*r));
	r->page = page;
	r->nr = ring_slots(bytes, slot_size);
	if (r->nr == 0)
		return -EINVAL;
	r->slot_size = slot_size;
	/* Plain stores: the backend learns of the page through the store, later. */
	memset(h, 0, sizeof(*h));
	h->req_event = 1;
	h->rsp_event = 1;
	return 0;
}

void ring_front_put(struct ring_front *r, const void *req, size_t len)
{
	if (r->broken || ring_front_room(r) == 0 || len > r->slot_size) {
		r->broken = true;
		return;
	}
	memcpy(ring_slot(r->page, r->nr, r->slot_size, r->req_prod), req, len);
	r->req_prod++;
}

bool ring_front_push(struct ring_front *r)
{
	struct ring_header *h = ring_header(r->page);
	uint32_t old = r->req_published;
	uint32_t event;

	if (r->req_prod == old)
		return false;
	/* As ring_back_push(): pairs with ring_back_pending() and ring_back_final_check(). */
	__atomic_store_n(&h->req_prod, r->req_prod, __ATOMIC_RELEASE);
	ring_full_barrier();
	event = __atomic_load_n(&h->req_event, __ATOMIC_RELAXED);
	r->req_published = r->req_prod;
	return ring_event_crossed(event, old, r->req_prod);
}

bool ring_front_push_is_quiet(const struct ring_front *r)
{
	uint32_t event = __atomic_load_n(&ring_header(r->page)->req_event, __ATOMIC_RELAXED);

	return !ring_event_crossed(event, r->req_published, r->req_prod);
}

/* Only published requests can have been answered; behind rsp_cons is a huge distance. */
static int ring_front_waiting(struct ring_front *r, uint32_t rsp_prod)
{
	uint32_t waiting = rsp_prod - r->rsp_cons;

	if (r->broken)
		return -EPROTO;
	if (waiting > r->req_published - r->rsp_cons) {
		r->broken = true;
		return -EPROTO;
	}
	return waiting;
}

int ring_front_pending(struct ring_front *r)
{
	/* Acquire: slots are read after the index; pairs with the backend's write barrier. */
	return ring_front_waiting(r,
		__atomic_load_n(&ring_header(r->page)->rsp_prod, __ATOMIC_ACQUIRE));
}

void ring_front_get(struct ring_front *r, void *rsp, size_t len)
{
	if (r->broken || r->rsp_cons == r->req_published || len > r->slot_size) {
		r->broken = true;
		memset(rsp, 0, len);
		return;
	}
	ring_copy_out(rsp, ring_slot(r->page, r->nr, r->slot_size, r->rsp_cons), len);
	r->rsp_cons++;
}

bool ring_front_final_check(struct ring_front *r)
{
	return ring_front_final_check_for(r, 1);
}

bool ring_front_final_check_for(struct ring_front *r, uint32_t wanted)
{
	struct ring_header *h = ring_header(r->page);

	if (ring_suffices(ring_front_pending(r), wanted))
		return true;
	/* As ring_back_final_check(): pairs with the backend's full barrier after rsp_prod. */
	__atomic_store_n(&h->rsp_event, r->rsp_cons + wanted, __ATOMIC_RELAXED);
	ring_full_barrier();
	return ring_suffices(ring_front_pending(r), wanted);
}

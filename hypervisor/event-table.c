// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/event-table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/domain.h"
#include "hypervisor/event-abi.h"

#define CHUNK 512u /* a page of struct event_port */
#define NR_CHUNKS (EVENT_MAX_PORTS / CHUNK)
#define BITS 64u
#define NR_WORDS (EVENT_MAX_PORTS / BITS)
#define NR_SUMMARY (NR_WORDS / BITS)
/* Parked ports that one allocation looks at: at leisure, and when no other is left. */
#define PARKED_GLANCE 2u
#define PARKED_SEARCH 1024u

/*
 * A set bit in @free is a port that nobody has; one in @summary is a word of @free that is not
 * 0, one in @top the same of @summary.
 *
 * Free ports that a queue of the FIFO ABI still links cannot be handed out. They are parked: in
 * no bitmap but in a ring, linked by struct event_end's next and prev.
 */
struct event_pool {
	struct event_port *chunks[NR_CHUNKS];
	struct event_end *ends[NR_CHUNKS]; /* there where chunks are */
	uint64_t free[NR_WORDS];
	uint64_t summary[NR_SUMMARY];
	uint32_t top;
	uint32_t parked; /* the one to look at next; 0: none */
	uint32_t nr_parked;
};

void event_table_init(struct event_table *t, uint32_t max)
{
	memset(t, 0, sizeof(*t));
	t->max = max < EVENT_MAX_PORTS - 1 ? max : EVENT_MAX_PORTS - 1;
	t->nr_vcpus = 1;
}

void event_table_fini(struct event_table *t)
{
	for (unsigned i = 0; t->pool && i < NR_CHUNKS; i++) {
		free(t->pool->chunks[i]);
		free(t->pool->ends[i]);
	}
	free(t->pool);
	t->pool = NULL;
}

struct event_port *event_slot(struct event_table *t, uint32_t port)
{
	if (port >= EVENT_MAX_PORTS || !t->pool || !t->pool->chunks[port / CHUNK])
		return NULL;
	return &t->pool->chunks[port / CHUNK][port % CHUNK];
}

struct event_end *event_end(struct event_table *t, uint32_t port)
{
	return &t->pool->ends[port / CHUNK][port % CHUNK];
}

static void pool_set(struct event_pool *pool, uint32_t port)
{
	uint32_t word = port / BITS;

	pool->free[word] |= 1ull << port % BITS;
	pool->summary[word / BITS] |= 1ull << word % BITS;
	pool->top |= 1u << word / BITS;
}

static void pool_clear(struct event_pool *pool, uint32_t port)
{
	uint32_t word = port / BITS;

	pool->free[word] &= ~(1ull << port % BITS);
	if (pool->free[word])
		return;
	pool->summary[word / BITS] &= ~(1ull << word % BITS);
	if (!pool->summary[word / BITS])
		pool->top &= ~(1u << word / BITS);
}

/* The lowest free port, or 0. */
static uint32_t pool_lowest(const struct event_pool *pool)
{
	uint32_t word;

	if (!pool->top)
		return 0;
	word = __builtin_ctz(pool->top);
	word = word * BITS + __builtin_ctzll(pool->summary[word]);
	return word * BITS + __builtin_ctzll(pool->free[word]);
}

static struct event_pool *pool_make(void)
{
	struct event_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	memset(pool->free, 0xff, sizeof(pool->free));
	memset(pool->summary, 0xff, sizeof(pool->summary));
	pool->top = ~0u;
	pool_clear(pool, 0);
	return pool;
}

/* Empties a slot; where the port may still be linked stays. */
static void slot_reset(struct event_table *t, uint32_t port)
{
	struct event_port *p = event_slot(t, port);

	*p = (struct event_port){ .last_vcpu = p->last_vcpu, .last_priority = p->last_priority };
	memset(event_end(t, port), 0, sizeof(struct event_end));
}

/* Sees to it that the port has a slot. */
static bool slot_make(struct event_table *t, uint32_t port)
{
	struct event_port **chunk = &t->pool->chunks[port / CHUNK];
	struct event_end **ends = &t->pool->ends[port / CHUNK];

	if (*chunk)
		return true;
	free(*ends);
	*ends = calloc(CHUNK, sizeof(**ends));
	if (*ends)
		*chunk = calloc(CHUNK, sizeof(**chunk));
	if (*chunk && port < CHUNK)
		(*chunk)[0].state = EVENT_RESERVED;
	return *chunk;
}

static void ring_add(struct event_table *t, uint32_t *head, uint32_t port)
{
	struct event_end *e = event_end(t, port);
	struct event_end *first;

	if (!*head) {
		e->next = e->prev = *head = port;
		return;
	}
	/* last: before the head */
	first = event_end(t, *head);
	e->next = *head;
	e->prev = first->prev;
	event_end(t, first->prev)->next = port;
	first->prev = port;
}

static void ring_remove(struct event_table *t, uint32_t *head, uint32_t port)
{
	struct event_end *e = event_end(t, port);

	if (e->next == port) {
		*head = 0;
	} else {
		event_end(t, e->prev)->next = e->next;
		event_end(t, e->next)->prev = e->prev;
		if (*head == port)
			*head = e->next;
	}
	e->next = e->prev = 0;
}

/* Looks at no more than @n parked ports; those that no queue links any more are free again. */
static void parked_review(struct event_table *t, uint32_t n)
{
	struct event_pool *pool = t->pool;

	for (n = n < pool->nr_parked ? n : pool->nr_parked; n; n--) {
		uint32_t port = pool->parked;

		if (t->abi && event_abi_is_busy(t->abi, port)) {
			pool->parked = event_end(t, port)->next;
			continue;
		}
		ring_remove(t, &pool->parked, port);
		pool->nr_parked--;
		pool_set(pool, port);
	}
}

/* Finds a port and its slot. Those of the lowest that are busy are parked on the way. */
static int pool_choose(struct event_table *t, uint32_t limit)
{
	struct event_pool *pool = t->pool;

	for (;;) {
		uint32_t port = pool_lowest(pool);

		if (!port || port >= limit)
			return -ENOSPC;
		if (!slot_make(t, port))
			return -ENOMEM;
		if (!t->abi || !event_abi_is_busy(t->abi, port))
			return port;
		pool_clear(pool, port);
		ring_add(t, &pool->parked, port);
		pool->nr_parked++;
	}
}

static uint32_t *owner_ring(struct event_table *t, const void *owner)
{
	uint64_t hash = (uint64_t)(uintptr_t)owner * 0x9e3779b97f4a7c15ull;

	return &t->owned[hash >> 32 & (EVENT_OWNER_RINGS - 1)];
}

int event_port_take(struct domain *d, void *owner)
{
	struct event_table *t = &d->events;
	uint32_t limit = t->abi ? event_abi_max_ports(t->abi) : EVENT_MAX_PORTS;
	int port;

	if (t->used >= t->max)
		return -ENOSPC;
	if (!t->pool)
		t->pool = pool_make();
	if (!t->pool)
		return -ENOMEM;
	parked_review(t, PARKED_GLANCE);
	port = pool_choose(t, limit);
	if (port == -ENOSPC) {
		parked_review(t, PARKED_SEARCH);
		port = pool_choose(t, limit);
	}
	if (port < 0)
		return port;
	pool_clear(t->pool, port);
	t->used++;
	slot_reset(t, port);
	event_slot(t, port)->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
	event_end(t, port)->owner = owner;
	if (owner)
		ring_add(t, owner_ring(t, owner), port);
	return port;
}

void event_port_disown(struct event_table *t, uint32_t port)
{
	struct event_end *e = event_end(t, port);

	if (e->owner)
		ring_remove(t, owner_ring(t, e->owner), port);
	e->owner = NULL;
}

void event_port_free(struct domain *d, uint32_t port)
{
	struct event_table *t = &d->events;
	struct event_port *p = event_slot(t, port);

	if (p->state == EVENT_VIRQ)
		t->virq_port[event_virq_is_global(p->virq) ? 0 : p->vcpu][p->virq] = 0;
	event_port_disown(t, port);
	/* What is bound here next must not find an event of this one. */
	if (t->abi)
		event_abi_clear(t->abi, port);
	slot_reset(t, port);
	t->used--;
	pool_set(t->pool, port);
}

uint32_t event_owned_first(struct event_table *t, const void *owner)
{
	uint32_t first = *owner_ring(t, owner);
	uint32_t port = first;

	/* Rings may be shared with other owners. */
	while (port) {
		const struct event_end *e = event_end(t, port);

		if (e->owner == owner)
			return port;
		port = e->next != first ? e->next : 0;
	}
	return 0;
}

uint32_t event_live_next(struct event_table *t, uint32_t port)
{
	while (port < EVENT_MAX_PORTS) {
		const struct event_port *p = event_slot(t, port);

		if (!p) {
			port = (port / CHUNK + 1) * CHUNK;
			continue;
		}
		if (p->state > EVENT_RESERVED && !p->closing)
			return port;
		port++;
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* What event-abi.c, event-2l.c and event-fifo.c share. */
#ifndef SLUICE_HYPERVISOR_EVENT_ABI_PRIVATE_H
#define SLUICE_HYPERVISOR_EVENT_ABI_PRIVATE_H

#include "hypervisor/event-abi.h"

#include "common/cleanup.h"
#include "hypervisor/domain.h"

struct event_fifo;

struct event_abi {
	struct domain *d;
	unsigned nr_vcpus;
	const struct event_abi_ops *ops;
	void *opaque;
	struct shared_info *shared;  /* the guest's, or @unplaced */
	struct shared_info *unplaced;
	struct event_fifo *fifo;     /* NULL: 2-level */
	struct vcpu_info *registered[EVENT_MAX_VCPUS];
};

/** event_abi_mark() - evtchn_upcall_pending of @vcpu; upcall if it was clear. */
void event_abi_mark(struct event_abi *abi, unsigned vcpu);

void event_2l_raise(struct event_abi *abi, uint32_t port, const struct event_port *p);
void event_2l_unmask(struct event_abi *abi, uint32_t port, const struct event_port *p);
bool event_2l_is_pending(const struct event_abi *abi, uint32_t port);
void event_2l_clear(struct event_abi *abi, uint32_t port);

void event_fifo_raise(struct event_abi *abi, uint32_t port, struct event_port *p);
void event_fifo_unmask(struct event_abi *abi, uint32_t port, struct event_port *p);
bool event_fifo_is_pending(const struct event_abi *abi, uint32_t port);
bool event_fifo_is_busy(const struct event_abi *abi, uint32_t port);
void event_fifo_clear(struct event_abi *abi, uint32_t port);
/** event_fifo_free() - give all pages back. */
void event_fifo_free(struct event_abi *abi);

/*
 * Bits in guest memory. The other party is a vCPU that uses locked instructions, so these are
 * sequentially consistent, and their order in a function is the order that it sees.
 */
static inline bool bit_test_and_set(void *base, uint32_t bit)
{
	uint32_t *word = (uint32_t *)base + bit / 32, mask = 1u << bit % 32;

	return __atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST) & mask;
}

static inline bool bit_test_and_clear(void *base, uint32_t bit)
{
	uint32_t *word = (uint32_t *)base + bit / 32, mask = 1u << bit % 32;

	return __atomic_fetch_and(word, ~mask, __ATOMIC_SEQ_CST) & mask;
}

static inline bool bit_test(const void *base, uint32_t bit)
{
	const uint32_t *word = (const uint32_t *)base + bit / 32;

	return __atomic_load_n(word, __ATOMIC_SEQ_CST) >> bit % 32 & 1;
}

#endif

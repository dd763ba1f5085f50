/* SPDX-License-Identifier: MIT */
/*
 * Delivery of events into a vm's memory: Xen's 2-level ABI (4096 ports) and the FIFO ABI
 * (131072 ports, 16 priorities). Knows no KVM; works on pages that it is given, all of which
 * the guest writes to at any time: nothing read back from them is trusted.
 *
 * All functions are called with the domain's lock held. Pages given stay mapped and in
 * place until event_abi_reset() or event_abi_free() (the caller pins them).
 */
#ifndef SLUICE_HYPERVISOR_EVENT_ABI_H
#define SLUICE_HYPERVISOR_EVENT_ABI_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>

#include "common/cleanup.h"

struct domain;
struct event_abi;

/** struct event_abi_ops - what delivery ends in. Under the domain's lock; must not block. */
struct event_abi_ops {
	/** @upcall: evtchn_upcall_pending of @vcpu went from 0 to 1. */
	void (*upcall)(void *opaque, unsigned vcpu);
	/** @pending: @port became pending; for those who poll it. */
	void (*pending)(void *opaque, uint32_t port, unsigned vcpu);
	/** @unpin: a page that event_abi_fifo_init() or _expand() took is not used any more. */
	void (*unpin)(void *opaque, uint64_t gfn);
};

/** event_abi_new() - 2-level at first. Enters itself and @nr_vcpus in @d->events; no port may be
 * bound yet. NULL: no memory, or too many vCPUs. */
struct event_abi *event_abi_new(struct domain *d, unsigned nr_vcpus,
	const struct event_abi_ops *ops, void *opaque);
void event_abi_free(struct event_abi *abi);

/** event_abi_set_shared_info() - where shared_info is; the vcpu_infos in it count for those
 * of the first 32 vCPUs that registered none. Pending bits and masks move along. Before the
 * first call, and with NULL, a page that no guest sees serves. */
void event_abi_set_shared_info(struct event_abi *abi, struct shared_info *info);
/**
 * event_abi_set_vcpu_info() - VCPUOP_register_vcpu_info: what the old one holds is copied, all
 * selectors are set and the vCPU is marked pending, as in Xen. -EINVAL: it has one already.
 */
int event_abi_set_vcpu_info(
	struct event_abi *abi, unsigned vcpu, struct vcpu_info *info) must_check;
/** event_abi_vcpu_info() - NULL while there is none. */
struct vcpu_info *event_abi_vcpu_info(struct event_abi *abi, unsigned vcpu);

/**
 * event_abi_fifo_init() - EVTCHNOP_init_control; the first one switches to FIFO.
 * @page, @gfn: the page that the control block is in; taken if this succeeds
 * Return: 0; -EINVAL: has one, or bad @offset; -ENOENT: no such vCPU.
 */
int event_abi_fifo_init(struct event_abi *abi, unsigned vcpu, void *page, uint64_t gfn,
	uint32_t offset) must_check;
/** event_abi_fifo_expand() - EVTCHNOP_expand_array. -EOPNOTSUPP: not FIFO; -ENOSPC: enough. */
int event_abi_fifo_expand(struct event_abi *abi, void *page, uint64_t gfn) must_check;
bool event_abi_is_fifo(const struct event_abi *abi);
/** event_abi_max_ports() - ports that the ABI in force can show. */
uint32_t event_abi_max_ports(const struct event_abi *abi);

/** event_abi_raise() - make @port pending; also before FIFO has an array page for it. */
void event_abi_raise(struct event_abi *abi, uint32_t port);
/** event_abi_unmask() - EVTCHNOP_unmask: clear the mask, and if the port is pending raise it again. */
void event_abi_unmask(struct event_abi *abi, uint32_t port);
bool event_abi_is_pending(struct event_abi *abi, uint32_t port);
/** event_abi_is_busy() - a port that the FIFO queues still link: not to be handed out again. */
bool event_abi_is_busy(struct event_abi *abi, uint32_t port);
/** event_abi_clear() - @port is closed: not pending any more. It may stay linked, see is_busy. */
void event_abi_clear(struct event_abi *abi, uint32_t port);
/**
 * event_abi_set_priority() - EVTCHNOP_set_priority, for what is raised from then on. 0; -EINVAL: no
 * such port or priority; -ENOSYS: 2-level.
 */
int event_abi_set_priority(struct event_abi *abi, uint32_t port, uint32_t priority) must_check;
/** event_abi_reset() - EVTCHNOP_reset, when all ports are closed: back to 2-level; all FIFO pages are given back. */
void event_abi_reset(struct event_abi *abi);

#endif

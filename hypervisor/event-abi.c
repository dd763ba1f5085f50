// SPDX-License-Identifier: MIT
/* Which ABI is in force, and what both use: shared_info and vcpu_info. */
#include "config.h"
#include "hypervisor/event-abi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/event-abi-private.h"

struct event_abi *event_abi_new(struct domain *d, unsigned nr_vcpus,
	const struct event_abi_ops *ops, void *opaque)
{
	struct event_abi *abi;

	if (nr_vcpus == 0 || nr_vcpus > EVENT_MAX_VCPUS)
		return NULL;
	abi = calloc(1, sizeof(*abi));
	if (!abi)
		return NULL;
	abi->unplaced = calloc(1, sizeof(*abi->unplaced));
	if (!abi->unplaced) {
		free(abi);
		return NULL;
	}
	abi->d = d;
	abi->nr_vcpus = nr_vcpus;
	abi->ops = ops;
	abi->opaque = opaque;
	abi->shared = abi->unplaced;
	d->events.nr_vcpus = nr_vcpus;
	d->events.abi = abi;
	return abi;
}

void event_abi_free(struct event_abi *abi)
{
	if (!abi)
		return;
	event_fifo_free(abi);
	abi->d->events.abi = NULL;
	free(abi->unplaced);
	free(abi);
}

void event_abi_set_shared_info(struct event_abi *abi, struct shared_info *info)
{
	struct shared_info *old = abi->shared;

	if (!info)
		info = abi->unplaced;
	if (info == old)
		return;
	memcpy(info->evtchn_pending, old->evtchn_pending, sizeof(info->evtchn_pending));
	memcpy(info->evtchn_mask, old->evtchn_mask, sizeof(info->evtchn_mask));
	memcpy(info->vcpu_info, old->vcpu_info, sizeof(info->vcpu_info));
	abi->shared = info;
}

struct vcpu_info *event_abi_vcpu_info(struct event_abi *abi, unsigned vcpu)
{
	if (vcpu >= abi->nr_vcpus)
		return NULL;
	if (abi->registered[vcpu])
		return abi->registered[vcpu];
	return vcpu < XEN_LEGACY_MAX_VCPUS ? &abi->shared->vcpu_info[vcpu] : NULL;
}

#ifdef XEN_HAVE_PV_UPCALL_MASK
static void vcpu_info_mask(struct vcpu_info *info)
{
	info->evtchn_upcall_mask = 1;
}
#else
static void vcpu_info_mask(struct vcpu_info *info)
{
}
#endif

int event_abi_set_vcpu_info(struct event_abi *abi, unsigned vcpu, struct vcpu_info *info)
{
	const struct vcpu_info *old = event_abi_vcpu_info(abi, vcpu);

	if (vcpu >= abi->nr_vcpus || abi->registered[vcpu])
		return -EINVAL;
	if (old) {
		memcpy(info, old, sizeof(*info));
	} else {
		memset(info, 0, sizeof(*info));
		vcpu_info_mask(info);
	}
	abi->registered[vcpu] = info;
	/* What was raised meanwhile may have found no place: have the guest look everywhere. */
	__atomic_store_n(&info->evtchn_pending_sel, ~0ul, __ATOMIC_SEQ_CST);
	event_abi_mark(abi, vcpu);
	return 0;
}

void event_abi_mark(struct event_abi *abi, unsigned vcpu)
{
	struct vcpu_info *info = event_abi_vcpu_info(abi, vcpu);

	/* After the bits that it announces; the guest clears it before it looks at them. */
	if (info && !__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
		abi->ops->upcall(abi->opaque, vcpu);
}

bool event_abi_is_fifo(const struct event_abi *abi)
{
	return abi->fifo;
}

uint32_t event_abi_max_ports(const struct event_abi *abi)
{
	return abi->fifo ? EVENT_MAX_PORTS : EVTCHN_2L_NR_CHANNELS;
}

void event_abi_raise(struct event_abi *abi, uint32_t port)
{
	struct event_port *p = event_port_get(abi->d, port);

	if (!p)
		return;
	if (abi->fifo)
		event_fifo_raise(abi, port, p);
	else
		event_2l_raise(abi, port, p);
}

void event_abi_unmask(struct event_abi *abi, uint32_t port)
{
	struct event_port *p = event_port_get(abi->d, port);

	if (!p)
		return;
	if (abi->fifo)
		event_fifo_unmask(abi, port, p);
	else
		event_2l_unmask(abi, port, p);
}

bool event_abi_is_pending(struct event_abi *abi, uint32_t port)
{
	return abi->fifo ? event_fifo_is_pending(abi, port) : event_2l_is_pending(abi, port);
}

bool event_abi_is_busy(struct event_abi *abi, uint32_t port)
{
	return abi->fifo && event_fifo_is_busy(abi, port);
}

void event_abi_clear(struct event_abi *abi, uint32_t port)
{
	if (abi->fifo)
		event_fifo_clear(abi, port);
	else
		event_2l_clear(abi, port);
}

int event_abi_set_priority(struct event_abi *abi, uint32_t port, uint32_t priority)
{
	struct event_port *p = event_port_get(abi->d, port);

	if (!p)
		return -EINVAL;
	if (!abi->fifo)
		return -ENOSYS;
	if (priority > EVTCHN_FIFO_PRIORITY_MIN)
		return -EINVAL;
	p->priority = priority;
	return 0;
}

void event_abi_reset(struct event_abi *abi)
{
	event_fifo_free(abi);
}

// SPDX-License-Identifier: MIT
/*
 * The 2-level ABI: a bit per port in shared_info, a selector bit per 64 ports and the upcall
 * flag in the vCPU's vcpu_info. Set in this order and read in the opposite one by the guest,
 * which clears each level before it reads the next: so nothing is lost.
 */
#include "config.h"
#include "hypervisor/event-abi-private.h"

#define PORTS_PER_SELECTOR 64u

static bool port_shown(uint32_t port)
{
	return port < EVTCHN_2L_NR_CHANNELS;
}

/* The selector and the upcall flag for a port that is pending and not masked. */
static void select_port(struct event_abi *abi, uint32_t port, unsigned vcpu)
{
	struct vcpu_info *info = event_abi_vcpu_info(abi, vcpu);

	/* Registering one selects everything. */
	if (info && !bit_test_and_set(&info->evtchn_pending_sel, port / PORTS_PER_SELECTOR))
		event_abi_mark(abi, vcpu);
}

void event_2l_raise(struct event_abi *abi, uint32_t port, const struct event_port *p)
{
	if (!port_shown(port) || bit_test_and_set(abi->shared->evtchn_pending, port))
		return;
	if (!bit_test(abi->shared->evtchn_mask, port))
		select_port(abi, port, p->vcpu);
	abi->ops->pending(abi->opaque, port, p->vcpu);
}

void event_2l_unmask(struct event_abi *abi, uint32_t port, const struct event_port *p)
{
	if (port_shown(port) && bit_test_and_clear(abi->shared->evtchn_mask, port) &&
		bit_test(abi->shared->evtchn_pending, port))
		select_port(abi, port, p->vcpu);
}

bool event_2l_is_pending(const struct event_abi *abi, uint32_t port)
{
	return port_shown(port) && bit_test(abi->shared->evtchn_pending, port);
}

void event_2l_clear(struct event_abi *abi, uint32_t port)
{
	if (port_shown(port))
		(void)bit_test_and_clear(abi->shared->evtchn_pending, port);
}

// SPDX-License-Identifier: MIT
/* sched_op: waiting, and the guest's own end. */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/sched.h>

#include "common/array.h"
#include "hypervisor/vm/vm.h"

#define POLL_MAX_PORTS 128u
/*
 * Interrupts of the local APIC that are no upcalls do not end a wait outside guest mode, so
 * none is longer than this where the guest could take them. It must expect to be woken for no
 * reason.
 */
#define WAIT_MAX_NS 10000000ull

static bool upcall_pending(struct vcpu *v)
{
	struct vcpu_info *info = event_abi_vcpu_info(v->vm->events, v->id);

	return info && __atomic_load_n(&info->evtchn_upcall_pending, __ATOMIC_SEQ_CST);
}

/*
 * Waits until woken or @timeout ns of system time (0: none), for an event on @port (0: any).
 * Under d.lock; whoever makes something pending has that lock, so nothing is missed.
 */
static void sched_wait(struct vcpu *v, uint32_t port, uint64_t timeout)
{
	const struct vm_platform *platform = v->vm->platform;
	uint64_t now = platform->now(v->vm);
	uint64_t deadline = timeout;

	if (timeout && timeout <= now)
		return;
	if (!v->irqs_off && (!timeout || timeout - now > WAIT_MAX_NS))
		deadline = now + WAIT_MAX_NS;
	v->poll_port = port;
	v->woken = false;
	v->waiting = true;
	platform->wait(v, deadline);
	v->waiting = false;
	v->poll_port = 0;
}

/* One of the ports is pending: 1; none: 0; -EINVAL: one that cannot be. Under d.lock. */
static int ports_pending(struct vm *vm, const evtchn_port_t *ports, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (ports[i] >= event_abi_max_ports(vm->events))
			return -EINVAL;
		if (event_abi_is_pending(vm->events, ports[i]))
			return 1;
	}
	return 0;
}

static int64_t sched_poll(struct vcpu *v, uint64_t arg)
{
	evtchn_port_t ports[POLL_MAX_PORTS];
	struct vm *vm = v->vm;
	struct sched_poll poll;
	int rc;

	if (guest_read(v, arg, &poll, sizeof(poll)) < 0)
		return -EFAULT;
	if (poll.nr_ports > POLL_MAX_PORTS)
		return -EINVAL;
	if (guest_read(v, (uintptr_t)poll.ports.p, ports, poll.nr_ports * sizeof(*ports)) < 0)
		return -EFAULT;
	domain_lock(&vm->d);
	rc = ports_pending(vm, ports, poll.nr_ports);
	/* A vCPU that could take the interrupt is to take it: others may wait for that. */
	if (rc == 0 && (v->irqs_off || !upcall_pending(v)))
		sched_wait(v, poll.nr_ports == 1 ? ports[0] : 0, poll.timeout);
	domain_unlock(&vm->d);
	return rc < 0 ? rc : 0;
}

/* No port but the upcall alone ends it. */
static int64_t sched_block(struct vcpu *v)
{
	domain_lock(&v->vm->d);
	if (!upcall_pending(v))
		sched_wait(v, 0, 0);
	domain_unlock(&v->vm->d);
	return 0;
}

static int64_t sched_shutdown(struct vcpu *v, uint64_t arg)
{
	struct sched_shutdown shutdown;

	if (guest_read(v, arg, &shutdown, sizeof(shutdown)) < 0)
		return -EFAULT;
	if (shutdown.reason > SHUTDOWN_MAX)
		return -EINVAL;
	/* Nobody could resume it. 1 says that the suspension was cancelled: the guest goes on. */
	if (shutdown.reason == SHUTDOWN_suspend)
		return 1;
	vm_shutdown(v->vm, shutdown.reason);
	return 0;
}

/* For domains with power over others, which no vm has. */
static int64_t sched_remote_shutdown(struct vcpu *v, uint64_t arg)
{
	struct sched_remote_shutdown remote;

	if (guest_read(v, arg, &remote, sizeof(remote)) < 0)
		return -EFAULT;
	return vm_check_self(v->vm, remote.domain_id) == -ESRCH ? -ESRCH : -EPERM;
}

int64_t hc_sched(struct vcpu *v, uint32_t cmd, uint64_t arg)
{
	switch (cmd) {
	case SCHEDOP_yield:
		sched_yield();
		return 0;
	case SCHEDOP_block:
		return sched_block(v);
	case SCHEDOP_poll:
		return sched_poll(v, arg);
	case SCHEDOP_shutdown:
		return sched_shutdown(v, arg);
	case SCHEDOP_remote_shutdown:
		return sched_remote_shutdown(v, arg);
	default:
		return hypercall_unknown(v, __HYPERVISOR_sched_op, cmd);
	}
}

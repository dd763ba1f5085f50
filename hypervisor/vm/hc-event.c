// SPDX-License-Identifier: MIT
/* event_channel_op: the guest's way to event.c, with what its structures need besides. */
#include "config.h"

#include <errno.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>

#include "common/array.h"
#include "hypervisor/vm/vm.h"

/* A copy of any sub-operation's structure. */
union event_op {
	struct evtchn_alloc_unbound alloc_unbound;
	struct evtchn_bind_interdomain bind_interdomain;
	struct evtchn_bind_virq bind_virq;
	struct evtchn_bind_ipi bind_ipi;
	struct evtchn_bind_vcpu bind_vcpu;
	struct evtchn_close close;
	struct evtchn_send send;
	struct evtchn_status status;
	struct evtchn_unmask unmask;
	struct evtchn_reset reset;
	struct evtchn_init_control init_control;
	struct evtchn_expand_array expand_array;
	struct evtchn_set_priority set_priority;
};

/* Puts a new port where the guest reads it. */
static int port_result(int port, evtchn_port_t *to)
{
	if (port < 0)
		return port;
	*to = port;
	return 0;
}

static int op_alloc_unbound(struct vm *vm, union event_op *op)
{
	struct evtchn_alloc_unbound *a = &op->alloc_unbound;
	int rc = vm_check_self(vm, a->dom);

	if (rc < 0)
		return rc;
	return port_result(event_alloc_unbound(&vm->d, a->remote_dom, NULL, NULL), &a->port);
}

static int op_bind_interdomain(struct vm *vm, union event_op *op)
{
	struct evtchn_bind_interdomain *b = &op->bind_interdomain;

	return port_result(event_bind_interdomain(vm->set, &vm->d, b->remote_dom, b->remote_port,
				   NULL, NULL),
		&b->local_port);
}

static int op_bind_virq(struct vm *vm, union event_op *op)
{
	struct evtchn_bind_virq *b = &op->bind_virq;

	return port_result(
		event_bind_virq_vcpu(&vm->d, b->virq, b->vcpu, NULL, NULL), &b->port);
}

static int op_bind_ipi(struct vm *vm, union event_op *op)
{
	return port_result(event_bind_ipi(&vm->d, op->bind_ipi.vcpu), &op->bind_ipi.port);
}

static int op_bind_vcpu(struct vm *vm, union event_op *op)
{
	return event_bind_vcpu(&vm->d, op->bind_vcpu.port, op->bind_vcpu.vcpu);
}

static int op_close(struct vm *vm, union event_op *op)
{
	return event_close(vm->set, &vm->d, op->close.port, NULL);
}

static int op_send(struct vm *vm, union event_op *op)
{
	return event_send(vm->set, &vm->d, op->send.port);
}

static int op_status(struct vm *vm, union event_op *op)
{
	static const uint32_t states[] = {
		[EVENT_FREE] = EVTCHNSTAT_closed,
		[EVENT_RESERVED] = EVTCHNSTAT_closed,
		[EVENT_UNBOUND] = EVTCHNSTAT_unbound,
		[EVENT_INTERDOMAIN] = EVTCHNSTAT_interdomain,
		[EVENT_VIRQ] = EVTCHNSTAT_virq,
		[EVENT_IPI] = EVTCHNSTAT_ipi,
	};
	struct evtchn_status *s = &op->status;
	struct event_status status;
	int rc = vm_check_self(vm, s->dom);

	if (rc == 0)
		rc = event_status(&vm->d, s->port, &status);
	if (rc < 0)
		return rc;
	s->status = states[status.state];
	s->vcpu = status.vcpu;
	if (status.state == EVENT_UNBOUND) {
		s->u.unbound.dom = status.remote_domid;
	} else if (status.state == EVENT_INTERDOMAIN) {
		s->u.interdomain.dom = status.remote_domid;
		s->u.interdomain.port = status.remote_port;
	} else if (status.state == EVENT_VIRQ) {
		s->u.virq = status.virq;
	}
	return 0;
}

static int op_unmask(struct vm *vm, union event_op *op)
{
	int rc = -EINVAL;

	domain_lock(&vm->d);
	if (event_port_get(&vm->d, op->unmask.port)) {
		event_abi_unmask(vm->events, op->unmask.port);
		rc = 0;
	}
	domain_unlock(&vm->d);
	return rc;
}

static int op_reset(struct vm *vm, union event_op *op)
{
	int rc = vm_check_self(vm, op->reset.dom);

	if (rc == 0)
		event_reset(vm->set, &vm->d);
	return rc;
}

static int op_init_control(struct vm *vm, union event_op *op)
{
	struct evtchn_init_control *i = &op->init_control;
	void *page;
	int rc;

	/* Before the frame is looked at: Xen's order of errors. */
	if (i->vcpu >= vm->nr_vcpus)
		return -ENOENT;
	page = mem_pin(&vm->mem, i->control_gfn);
	if (!page)
		return -EINVAL;
	domain_lock(&vm->d);
	rc = event_abi_fifo_init(vm->events, i->vcpu, page, i->control_gfn, i->offset);
	domain_unlock(&vm->d);
	if (rc < 0)
		mem_unpin(&vm->mem, i->control_gfn);
	i->link_bits = EVTCHN_FIFO_LINK_BITS;
	return rc;
}

static int op_expand_array(struct vm *vm, union event_op *op)
{
	uint64_t gfn = op->expand_array.array_gfn;
	void *page = mem_pin(&vm->mem, gfn);
	bool fifo;
	int rc;

	domain_lock(&vm->d);
	fifo = event_abi_is_fifo(vm->events);
	rc = page && fifo ? event_abi_fifo_expand(vm->events, page, gfn) : -EINVAL;
	domain_unlock(&vm->d);
	if (page && rc < 0)
		mem_unpin(&vm->mem, gfn);
	return fifo ? rc : -EOPNOTSUPP;
}

static int op_set_priority(struct vm *vm, union event_op *op)
{
	int rc;

	domain_lock(&vm->d);
	rc = event_abi_set_priority(
		vm->events, op->set_priority.port, op->set_priority.priority);
	domain_unlock(&vm->d);
	return rc;
}

#define OP(name) op_##name, sizeof(struct evtchn_##name)

static const struct event_call {
	int (*run)(struct vm *vm, union event_op *op);
	size_t size;
	bool answers; /* the structure goes back to the guest */
} event_calls[] = {
	[EVTCHNOP_bind_interdomain] = { OP(bind_interdomain), true },
	[EVTCHNOP_bind_virq] = { OP(bind_virq), true },
	[EVTCHNOP_close] = { OP(close), false },
	[EVTCHNOP_send] = { OP(send), false },
	[EVTCHNOP_status] = { OP(status), true },
	[EVTCHNOP_alloc_unbound] = { OP(alloc_unbound), true },
	[EVTCHNOP_bind_ipi] = { OP(bind_ipi), true },
	[EVTCHNOP_bind_vcpu] = { OP(bind_vcpu), false },
	[EVTCHNOP_unmask] = { OP(unmask), false },
	[EVTCHNOP_reset] = { OP(reset), false },
	[EVTCHNOP_init_control] = { OP(init_control), true },
	[EVTCHNOP_expand_array] = { OP(expand_array), false },
	[EVTCHNOP_set_priority] = { OP(set_priority), false },
};

int64_t hc_event(struct vcpu *v, uint32_t cmd, uint64_t arg)
{
	const struct event_call *call;
	union event_op op;
	int rc;

	if (cmd >= ARRAY_SIZE(event_calls) || !event_calls[cmd].run)
		return hypercall_unknown(v, __HYPERVISOR_event_channel_op, cmd);
	call = &event_calls[cmd];
	if (guest_read(v, arg, &op, call->size) < 0)
		return -EFAULT;
	rc = call->run(v->vm, &op);
	/* A port that the guest then does not get to know stays bound, as in Xen. */
	if (rc == 0 && call->answers && guest_write(v, arg, &op, call->size) < 0)
		return -EFAULT;
	return rc;
}

// SPDX-License-Identifier: MIT
/* Which hypercall goes where; what goes nowhere is counted and said once. */
#include "config.h"

#include <errno.h>

#include "common/array.h"
#include "hypervisor/vm/vm.h"

/* Linux batches 32. Without a limit a guest could keep a thread here for hours. */
#define MULTICALL_MAX 256u

typedef int64_t (*hypercall_fn)(struct vcpu *v, const uint64_t *args);

static int64_t call_memory(struct vcpu *v, const uint64_t *args)
{
	return hc_memory(v, args[0], args[1]);
}

static int64_t call_set_timer(struct vcpu *v, const uint64_t *args)
{
	return hc_set_timer(v, args[0]);
}

static int64_t call_version(struct vcpu *v, const uint64_t *args)
{
	return hc_version(v, args[0], args[1]);
}

static int64_t call_console(struct vcpu *v, const uint64_t *args)
{
	return hc_console(v, args[0], args[1], args[2]);
}

static int64_t call_grant(struct vcpu *v, const uint64_t *args)
{
	return hc_grant(v, args[0], args[1], args[2]);
}

static int64_t call_vm_assist(struct vcpu *v, const uint64_t *args)
{
	uint32_t cmd = args[0], type = args[1];

	if (type != VMASST_TYPE_runstate_update_flag)
		return -EINVAL;
	if (cmd != VMASST_CMD_enable && cmd != VMASST_CMD_disable)
		return -ENOSYS;
	domain_lock(&v->vm->d);
	v->vm->runstate_update_flag = cmd == VMASST_CMD_enable;
	domain_unlock(&v->vm->d);
	return 0;
}

static int64_t call_vcpu(struct vcpu *v, const uint64_t *args)
{
	return hc_vcpu(v, args[0], args[1], args[2]);
}

static int64_t call_sched(struct vcpu *v, const uint64_t *args)
{
	return hc_sched(v, args[0], args[1]);
}

static int64_t call_event(struct vcpu *v, const uint64_t *args)
{
	return hc_event(v, args[0], args[1]);
}

static int64_t call_hvm(struct vcpu *v, const uint64_t *args)
{
	return hc_hvm(v, args[0], args[1]);
}

/* Xen answers a PVH domain without PIRQs so, and Linux asks: nothing to say about. */
static int64_t call_physdev(struct vcpu *v, const uint64_t *args)
{
	return -ENOSYS;
}

static const hypercall_fn hypercall_table[] = {
	[__HYPERVISOR_memory_op] = call_memory,
	[__HYPERVISOR_set_timer_op] = call_set_timer,
	[__HYPERVISOR_xen_version] = call_version,
	[__HYPERVISOR_console_io] = call_console,
	[__HYPERVISOR_grant_table_op] = call_grant,
	[__HYPERVISOR_vm_assist] = call_vm_assist,
	[__HYPERVISOR_vcpu_op] = call_vcpu,
	[__HYPERVISOR_sched_op] = call_sched,
	[__HYPERVISOR_event_channel_op] = call_event,
	[__HYPERVISOR_physdev_op] = call_physdev,
	[__HYPERVISOR_hvm_op] = call_hvm,
};

int64_t hypercall_unknown(struct vcpu *v, unsigned number, uint32_t cmd)
{
	struct vm *vm = v->vm;
	unsigned row = number < ARRAY_SIZE(vm->unknown_calls) ?
		number : ARRAY_SIZE(vm->unknown_calls) - 1;
	unsigned bit = cmd < 127 ? cmd : 127;
	uint64_t mask = 1ull << bit % 64, *word = &vm->unknown_calls[row][bit / 64];
	bool say;

	domain_lock(&vm->d);
	vm->nr_unknown++;
	say = !(*word & mask) && log_limit_ok(&vm->limit);
	*word |= mask;
	domain_unlock(&vm->d);
	if (say)
		log_warn("domain %u: hypercall %u, operation %u, is not known here and was refused; "
			 "said once", vm->d.domid, number, cmd);
	return -ENOSYS;
}

static int64_t hypercall_one(struct vcpu *v, uint64_t number, const uint64_t *args)
{
	if (number < ARRAY_SIZE(hypercall_table) && hypercall_table[number])
		return hypercall_table[number](v, args);
	return hypercall_unknown(v, number < UINT32_MAX ? number : UINT32_MAX, args[0]);
}

static int multicall_entry(struct vcpu *v, uint64_t gva)
{
	struct multicall_entry call;

	if (guest_read(v, gva, &call, sizeof(call)) < 0)
		return -EFAULT;
	call.result = call.op == __HYPERVISOR_multicall ? -EINVAL :
							  hypercall_one(v, call.op, call.args);
	return guest_write(v, gva + offsetof(struct multicall_entry, result), &call.result,
		sizeof(call.result));
}

static int64_t multicall(struct vcpu *v, uint64_t list, uint32_t nr)
{
	int rc = 0;

	if (nr > MULTICALL_MAX)
		return -E2BIG;
	for (uint32_t i = 0; i < nr && rc == 0 && !vm_is_ending(v->vm); i++)
		rc = multicall_entry(v, list + i * sizeof(struct multicall_entry));
	return rc;
}

int64_t hypercall(struct vcpu *v, const struct hypercall *call)
{
	int64_t rc;

	if (call->user)
		return -EPERM;
	if (!call->bits64)
		rc = hypercall_32bit(v, call->number, call->args);
	else if (call->number == __HYPERVISOR_multicall)
		rc = multicall(v, call->args[0], call->args[1]);
	else
		rc = hypercall_one(v, call->number, call->args);
	vcpu_upcall_again(v);
	return rc;
}

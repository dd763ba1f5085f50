// SPDX-License-Identifier: MIT
/* hvm_op: parameters and the upcall vector. */
#include "config.h"

#include <errno.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/hvm/hvm_op.h>

#include "hypervisor/vm/vm.h"

/* Vectors below are the processor's own. */
#define HVM_VECTOR_MIN 0x10

static bool hvm_readable(uint32_t index)
{
	switch (index) {
	case HVM_PARAM_CALLBACK_IRQ:
	case HVM_PARAM_STORE_PFN:
	case HVM_PARAM_STORE_EVTCHN:
	case HVM_PARAM_CONSOLE_PFN:
	case HVM_PARAM_CONSOLE_EVTCHN:
		return true;
	default:
		return false;
	}
}

/*
 * A line (GSI, INTx) is accepted and never raised: Linux sets one besides the upcall vector of
 * each vCPU. A vector for all vCPUs would need interrupts that the guest does not acknowledge.
 */
static int hvm_set_callback(struct vm *vm, uint64_t value)
{
	if (value >> 56 == HVM_PARAM_CALLBACK_TYPE_VECTOR)
		return -EOPNOTSUPP;
	domain_lock(&vm->d);
	vm->params[HVM_PARAM_CALLBACK_IRQ] = value;
	domain_unlock(&vm->d);
	return 0;
}

static int hvm_read_param(struct vcpu *v, uint64_t arg, struct xen_hvm_param *param)
{
	if (guest_read(v, arg, param, sizeof(*param)) < 0)
		return -EFAULT;
	if (param->index >= HVM_NR_PARAMS)
		return -EINVAL;
	return vm_check_self(v->vm, param->domid);
}

static int64_t hvm_set_param(struct vcpu *v, uint64_t arg)
{
	struct xen_hvm_param param;
	int rc = hvm_read_param(v, arg, &param);

	if (rc < 0)
		return rc;
	if (param.index != HVM_PARAM_CALLBACK_IRQ)
		return -EPERM;
	return hvm_set_callback(v->vm, param.value);
}

static int64_t hvm_get_param(struct vcpu *v, uint64_t arg)
{
	struct xen_hvm_param param;
	int rc = hvm_read_param(v, arg, &param);

	if (rc < 0)
		return rc;
	if (!hvm_readable(param.index))
		return -EPERM;
	domain_lock(&v->vm->d);
	param.value = v->vm->params[param.index];
	domain_unlock(&v->vm->d);
	return guest_write(v, arg, &param, sizeof(param));
}

/* Events that came before the vector did are told now. */
static int64_t hvm_set_upcall_vector(struct vcpu *v, uint64_t arg)
{
	struct xen_hvm_evtchn_upcall_vector op;
	struct vm *vm = v->vm;
	struct vcpu *target;

	if (guest_read(v, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	if (op.vector < HVM_VECTOR_MIN)
		return -EINVAL;
	if (op.vcpu >= vm->nr_vcpus)
		return -ENOENT;
	target = &vm->vcpus[op.vcpu];
	domain_lock(&vm->d);
	target->upcall_vector = op.vector;
	vcpu_set_upcall(target);
	domain_unlock(&vm->d);
	return 0;
}

static int64_t hvm_get_time(struct vcpu *v, uint64_t arg)
{
	struct xen_hvm_get_time time = { .now = v->vm->platform->now(v->vm) };

	return guest_write(v, arg, &time, sizeof(time));
}

int64_t hc_hvm(struct vcpu *v, uint32_t cmd, uint64_t arg)
{
	switch (cmd) {
	case HVMOP_set_param:
		return hvm_set_param(v, arg);
	case HVMOP_get_param:
		return hvm_get_param(v, arg);
	case HVMOP_set_evtchn_upcall_vector:
		return hvm_set_upcall_vector(v, arg);
	case HVMOP_get_time:
		return hvm_get_time(v, arg);
	case HVMOP_pagetable_dying:
		/* Linux asks whether there is shadow paging; KVM does that by itself. */
		return -ENOSYS;
	default:
		return hypercall_unknown(v, __HYPERVISOR_hvm_op, cmd);
	}
}

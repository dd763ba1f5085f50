// SPDX-License-Identifier: MIT
/*
 * Why a vCPU left the guest. There are no devices: a read of an unknown port or address
 * gives ones (but see VM_PIT_CHANNEL2_PORT), a write goes nowhere.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "hypervisor/vm/kvm-private.h"

#define SLEEP_ENABLE (1u << 5)
#define SLEEP_TYPE(value) (((value) >> 2) & 7)
#define EFER_LMA (1ull << 10)
#define HYPERCALL_STUB 32u

static void call_args(struct hypercall *call, const struct kvm_regs *r)
{
	const uint64_t args64[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };
	const uint64_t args32[6] = { r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp };

	call->number = call->bits64 ? r->rax : (uint32_t)r->rax;
	for (unsigned i = 0; i < 6; i++)
		call->args[i] = call->bits64 ? args64[i] : (uint32_t)args32[i];
}

/* KVM steps over the instruction itself when the vCPU enters the guest again. */
static void exit_hypercall(struct kvm_vcpu *c)
{
	struct kvm_run *run = c->run;
	const struct kvm_sregs *s = &run->s.regs.sregs;
	struct kvm_regs *r = &run->s.regs.regs;
	struct hypercall call = {
		.user = s->ss.dpl != 0,
		.bits64 = (s->efer & EFER_LMA) && s->cs.l,
	};
	int64_t rc;

	call_args(&call, r);
	c->v->irqs_off = !(r->rflags & RFLAGS_IF);
	rc = hypercall(c->v, &call);
	r->rax = call.bits64 ? (uint64_t)rc : (uint32_t)rc;
	run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

static void exit_xen(struct kvm_vcpu *c)
{
	struct kvm_xen_exit *xen = &c->run->xen;
	struct hypercall call = { .number = xen->u.hcall.input,
		.user = xen->u.hcall.cpl != 0,
		.bits64 = xen->u.hcall.longmode };

	if (xen->type != KVM_EXIT_XEN_HCALL)
		return;
	c->v->irqs_off = !(c->run->s.regs.regs.rflags & RFLAGS_IF);
	for (unsigned i = 0; i < 6; i++)
		call.args[i] = xen->u.hcall.params[i];
	xen->u.hcall.result = hypercall(c->v, &call);
}

static void exit_io(struct kvm_vcpu *c)
{
	struct kvm_run *run = c->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	if (run->io.direction == KVM_EXIT_IO_IN) {
		memset(data, run->io.port == VM_PIT_CHANNEL2_PORT ? 0 : 0xff,
			(size_t)run->io.size * run->io.count);
		return;
	}
	if (run->io.port == VM_HYPERCALL_PORT)
		exit_hypercall(c);
	else if (run->io.port == VM_SLEEP_CONTROL_PORT && (*data & SLEEP_ENABLE) &&
		 SLEEP_TYPE(*data) == VM_S5_TYPE)
		vm_shutdown(&c->kv->vm, SHUTDOWN_poweroff);
	else if (run->io.port == VM_RESET_PORT && *data == VM_RESET_VALUE)
		vm_shutdown(&c->kv->vm, SHUTDOWN_reboot);
}

/* mov $index, %eax; out %al, $port; ret */
static void stub_make(uint8_t *stub, uint32_t index)
{
	stub[0] = 0xb8;
	memcpy(stub + 1, &index, sizeof(index));
	stub[5] = 0xe6;
	stub[6] = VM_HYPERCALL_PORT;
	stub[7] = 0xc3;
}

static void hypercall_page(struct kvm_vcpu *c)
{
	struct kvm_run *run = c->run;
	uint8_t page[VM_PAGE];

	/* There is one page, number 0; Xen refuses others. */
	run->msr.error = 1;
	if (run->msr.data & (VM_PAGE - 1))
		return;
	memset(page, 0xcc, sizeof(page));
	for (unsigned i = 0; i < sizeof(page) / HYPERCALL_STUB; i++)
		stub_make(page + i * HYPERCALL_STUB, i);
	run->msr.error = mem_write(&c->kv->vm.mem, run->msr.data, page, sizeof(page)) < 0;
}

static void exit_wrmsr(struct kvm_vcpu *c)
{
	struct kvm_run *run = c->run;

	if (run->msr.index != MSR_GS_BASE) {
		hypercall_page(c);
		return;
	}
	run->msr.error = kvm_set_msr(c, MSR_GS_BASE, run->msr.data) < 0;
	if (!run->msr.error)
		kvm_kernel_started(c);
}

static bool exit_unknown(struct kvm_vcpu *c)
{
	const struct kvm_run *run = c->run;
	const struct kvm_regs *r = &run->s.regs.regs;

	log_err("domain %u: vCPU %u crashed at %#llx: KVM's exit %u, error %u",
		c->kv->vm.d.domid, c->v->id, (unsigned long long)r->rip, run->exit_reason,
		run->exit_reason == KVM_EXIT_INTERNAL_ERROR ? run->internal.suberror : 0);
	vm_shutdown(&c->kv->vm, SHUTDOWN_crash);
	return false;
}

static bool exit_triple_fault(struct kvm_vcpu *c)
{
	const struct kvm_regs *r = &c->run->s.regs.regs;

	/* Xen's default for HVM_PARAM_TRIPLE_FAULT_REASON. */
	log_warn("domain %u: vCPU %u had a triple fault at %#llx", c->kv->vm.d.domid,
		c->v->id, (unsigned long long)r->rip);
	vm_shutdown(&c->kv->vm, SHUTDOWN_reboot);
	return false;
}

bool vcpu_exit(struct kvm_vcpu *c)
{
	struct kvm_run *run = c->run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		exit_io(c);
		return true;
	case KVM_EXIT_XEN:
		exit_xen(c);
		return true;
	case KVM_EXIT_MMIO:
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		return true;
	case KVM_EXIT_X86_WRMSR:
		exit_wrmsr(c);
		return true;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return true;
	case KVM_EXIT_SHUTDOWN:
		return exit_triple_fault(c);
	default:
		return exit_unknown(c);
	}
}

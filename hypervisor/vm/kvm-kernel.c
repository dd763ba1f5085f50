// SPDX-License-Identifier: MIT
/*
 * A kernel that the guest itself starts, as GRUB does: no builder has seen it, and a host without
 * CONFIG_KVM_XEN does not pass its hypercalls on. Linux sets the base of its per-CPU data, by
 * WRMSR, before it does anything else at the addresses that it is linked for; there it is found in
 * memory, unpacked, and its two call sites are rewritten as the builder does it.
 */
#include "config.h"

#include <string.h>

#include "hypervisor/build/rewrite.h"
#include "hypervisor/vm/kvm-private.h"

/* Linux maps its image with pages of this size, and until it has gone further nothing else there. */
#define IMAGE_ALIGN (2ull << 20)
#define IMAGE_MAX (256ull << 20)
#define HIGH_HALF (1ull << 63)

/* Returns how many call sites of the page at @gpa were rewritten. */
static unsigned page_rewrite(struct kvm_vm *kv, uint64_t gpa)
{
	uint8_t page[VM_PAGE];
	unsigned n;

	if (mem_read(&kv->vm.mem, gpa, page, sizeof(page)) < 0)
		return 0;
	n = rewrite_hypercalls(page, sizeof(page), gpa, VM_HYPERCALL_PORT);
	if (n && mem_write(&kv->vm.mem, gpa, page, sizeof(page)) < 0)
		return 0;
	return n;
}

/* The image that has @rip, to its end: where nothing is mapped behind it. */
static unsigned image_rewrite(struct kvm_vcpu *c, uint64_t rip)
{
	uint64_t start = rip & ~(IMAGE_ALIGN - 1), gpa;
	unsigned n = 0;

	for (uint64_t at = 0; at < IMAGE_MAX && start + at >= HIGH_HALF; at += VM_PAGE) {
		/* Who ends the vm waits for this thread. */
		if (at % IMAGE_ALIGN == 0 && vm_is_ending(&c->kv->vm))
			break;
		if (guest_translate(c->v, start + at, VM_PAGE, &gpa) < 0)
			break;
		n += page_rewrite(c->kv, gpa);
	}
	return n;
}

void kvm_kernel_started(struct kvm_vcpu *c)
{
	uint64_t rip = c->run->s.regs.regs.rip;
	struct kvm_vm *kv = c->kv;
	unsigned n;

	/* Not yet where it is linked for, or no Linux. */
	if (rip < HIGH_HALF || kvm_machine_filter(kv, false) < 0)
		return;
	n = image_rewrite(c, rip);
	if (n)
		log_info("domain %u starts a kernel of its own, %u hypercall sites rewritten",
			kv->vm.d.domid, n);
	else
		log_warn("domain %u starts a kernel of its own in which no hypercalls were found; "
			 "unless it uses a hypercall page it cannot go on: this host's kernel has "
			 "no CONFIG_KVM_XEN", kv->vm.d.domid);
}

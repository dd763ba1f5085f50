// SPDX-License-Identifier: MIT
/* A vm as KVM knows it: its interrupt controllers, memory slots, vCPUs and their first
 * state. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hypervisor/vm/kvm-private.h"

/* Four pages that Intel's CPUs need below 4 GiB, where no guest has anything. */
#define TSS_BASE 0xfffbd000ul
#define IDENTITY_MAP 0xfffbc000ul
#define MSR_MTRR_DEF_TYPE 0x2ffu
#define MTRR_ENABLED_WRITE_BACK 0x806u

static int failed(const char *what, int rc)
{
	log_err("cannot make a vm: %s: %s", what, strerror(-rc));
	return rc;
}

static int cap_enable(int fd, unsigned cap, uint64_t arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	return kvm_call(fd, KVM_ENABLE_CAP, &enable);
}

int kvm_machine_filter(struct kvm_vm *kv, bool kernels)
{
	uint8_t none[8] = { 0 };
	struct kvm_msr_filter filter = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };
	const uint32_t ours[] = { MSR_HYPERCALL_PAGE, MSR_GS_BASE };

	for (unsigned i = 0; i < (kernels ? 2 : 1); i++) {
		filter.ranges[i].flags = KVM_MSR_FILTER_WRITE;
		filter.ranges[i].base = ours[i];
		filter.ranges[i].nmsrs = 1;
		filter.ranges[i].bitmap = none;
	}
	return kvm_call(kv->fd, KVM_X86_SET_MSR_FILTER, &filter);
}

/* The guest's request for a page of hypercalls is ours to serve. */
static int filter_set(struct kvm_vm *kv)
{
	int rc = cap_enable(kv->fd, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER);

	return rc < 0 ? rc : kvm_machine_filter(kv, false);
}

static int xen_set(int fd)
{
	/* No more than this: the rest of it knows only the 2-level ABI. */
	struct kvm_xen_hvm_config config = {
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
		.msr = MSR_HYPERCALL_PAGE,
	};

	return kvm_call(fd, KVM_XEN_HVM_CONFIG, &config);
}

int kvm_machine_make(struct kvm_vm *kv)
{
	uint64_t identity = IDENTITY_MAP;
	int rc = kvm_call(kv->kvm->fd, KVM_CREATE_VM, NULL);

	if (rc < 0)
		return failed("KVM_CREATE_VM", rc);
	kv->fd = rc;
	rc = kvm_call(kv->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	if (rc == 0)
		rc = kvm_call(kv->fd, KVM_SET_TSS_ADDR, (void *)TSS_BASE);
	if (rc < 0)
		return failed("its reserved pages", rc);
#ifdef KVM_CAP_PMU_CAPABILITY
	/* No performance counters; a host that cannot leave them out has them not in
	 * CPUID. */
	(void)cap_enable(kv->fd, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE);
#endif
	rc = cap_enable(kv->fd, KVM_CAP_SPLIT_IRQCHIP, 0);
	if (rc < 0)
		return failed("its interrupt controllers", rc);
	rc = kv->kvm->xen ? xen_set(kv->fd) : 0;
	/* Before KVM's own page, whose calls it does not pass on all. */
	if (rc == 0 && kv->kvm->rewrite)
		rc = filter_set(kv);
	return rc < 0 ? failed("its hypercalls", rc) : 0;
}

/* Says nothing: a guest that places pages where this KVM has no addresses may ask for ever. */
static int slot_add(void *opaque, uint64_t gpa, uint64_t size, void *hva)
{
	struct kvm_vm *kv = kvm_vm_of(opaque);
	struct kvm_userspace_memory_region region = { .slot = kv->nr_slots,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva };
	int rc = kvm_call(kv->fd, KVM_SET_USER_MEMORY_REGION, &region);

	if (rc < 0)
		return rc;
	kv->nr_slots++;
	return 0;
}

const struct mem_ops kvm_mem_ops = { .slot_add = slot_add };

static int cpuid_set(struct kvm_vcpu *c)
{
	struct kvm_vm *kv = c->kv;
	CLEANUP_FREE struct kvm_cpuid2 *cpuid = calloc(
		1, sizeof(*cpuid) + KVM_PRIVATE_CPUIDS * sizeof(cpuid->entries[0]));
	int khz = kvm_call(c->fd, KVM_GET_TSC_KHZ, NULL);
	int rc;

	if (!cpuid)
		return -ENOMEM;
	if (khz < 0)
		return khz;
	rc = kvm_cpuid_make(
		kv->kvm->cpuid, kv->vm.d.domid, c->v->id, kv->vm.nr_vcpus, khz, cpuid);
	return rc < 0 ? rc : kvm_call(c->fd, KVM_SET_CPUID2, cpuid);
}

int kvm_set_msr(struct kvm_vcpu *c, uint32_t index, uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head.nmsrs = 1, .entry = { .index = index, .data = value } };
	int rc = kvm_call(c->fd, KVM_SET_MSRS, &msrs);

	/* The result is how many were taken. */
	return rc < 0 ? rc : rc == 1 ? 0 : -EINVAL;
}

static int vcpu_make(struct kvm_vcpu *c)
{
	int rc = kvm_call(c->kv->fd, KVM_CREATE_VCPU, (void *)(uintptr_t)c->v->id);

	if (rc < 0)
		return rc;
	c->fd = rc;
	c->run = mmap(
		NULL, c->kv->kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	if (c->run == MAP_FAILED) {
		c->run = NULL;
		return -errno;
	}
	c->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	rc = cpuid_set(c);
	/* As firmware leaves it; otherwise Linux gives up its page attributes, too. */
	return rc < 0 ? rc : kvm_set_msr(c, MSR_MTRR_DEF_TYPE, MTRR_ENABLED_WRITE_BACK);
}

int kvm_machine_vcpus(struct kvm_vm *kv)
{
	for (unsigned i = 0; i < kv->vm.nr_vcpus; i++) {
		int rc = vcpu_make(&kv->vcpus[i]);

		if (rc < 0)
			return failed("a vCPU", rc);
	}
	return 0;
}

void kvm_machine_close(struct kvm_vm *kv)
{
	for (unsigned i = 0; kv->vcpus && i < kv->vm.nr_vcpus; i++) {
		struct kvm_vcpu *c = &kv->vcpus[i];

		if (c->run)
			munmap(c->run, kv->kvm->run_size);
		c->run = NULL;
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
	}
	if (kv->fd >= 0)
		close(kv->fd);
	kv->fd = -1;
}

/* Xen's docs/misc/pvh.pandoc: 32-bit protected mode, flat segments, no paging. */
static void segments_flat(struct kvm_sregs *s)
{
	const struct kvm_segment data = { .limit = 0xffffffff,
		.type = 3,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
		.selector = 0x10 };
	struct kvm_segment code = data;

	code.type = 11;
	code.selector = 0x08;
	s->cs = code;
	s->ds = s->es = s->ss = s->fs = s->gs = data;
	s->tr = (struct kvm_segment){ .limit = 0x67, .type = 11, .present = 1 };
	s->ldt = (struct kvm_segment){ .unusable = 1 };
	s->gdt = s->idt = (struct kvm_dtable){ 0 };
}

int kvm_machine_entry(struct kvm_vm *kv, uint32_t entry, uint32_t start_info)
{
	struct kvm_regs regs = { .rip = entry, .rbx = start_info, .rflags = 2 };
	struct kvm_vcpu *c = &kv->vcpus[0];
	struct kvm_sregs sregs = { 0 };
	int rc = kvm_call(c->fd, KVM_GET_SREGS, &sregs);

	if (rc < 0)
		return rc;
	segments_flat(&sregs);
	sregs.cr0 = 0x11; /* PE, ET */
	sregs.cr2 = sregs.cr3 = sregs.cr4 = sregs.efer = 0;
	rc = kvm_call(c->fd, KVM_SET_SREGS, &sregs);
	return rc < 0 ? rc : kvm_call(c->fd, KVM_SET_REGS, &regs);
}

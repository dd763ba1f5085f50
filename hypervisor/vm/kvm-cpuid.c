// SPDX-License-Identifier: MIT
/* What a vCPU of a vm says that it is. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "hypervisor/vm/kvm-private.h"

#define LEAF1_ECX_VMX (1u << 5)
#define LEAF1_ECX_MONITOR (1u << 3)
#define LEAF1_ECX_HYPERVISOR (1u << 31)
#define LEAF1_EDX_HTT (1u << 28)
#define LEAF7_EBX_SGX (1u << 2)
#define EXT1_ECX_CMP_LEGACY (1u << 1)
#define EXT1_ECX_SVM (1u << 2)
#define EXT1_ECX_PERFCTR ((1u << 23) | (1u << 24) | (1u << 28))
#define HYPERVISOR_LEAVES 0x40000000u
#define HYPERVISOR_LEAVES_END 0x50000000u

struct cpuid_place {
	unsigned vcpu, nr;
	unsigned bits; /* of an APIC id */
};

static unsigned id_bits(unsigned nr)
{
	unsigned bits = 0;

	while (1u << bits < nr)
		bits++;
	return bits;
}

/* Replaces @count bits from @shift on. */
static void field_set(uint32_t *reg, unsigned shift, unsigned count, uint32_t value)
{
	uint32_t mask = ((1u << count) - 1) << shift;

	*reg = (*reg & ~mask) | ((value << shift) & mask);
}

/* Cores with a cache of their own but for the last level, which all share. */
static void cache_set(struct kvm_cpuid_entry2 *e, const struct cpuid_place *p)
{
	unsigned level = (e->eax >> 5) & 7;

	if ((e->eax & 31) == 0)
		return;
	field_set(&e->eax, 14, 12, level < 3 ? 0 : (1u << p->bits) - 1);
	if (e->function == 4)
		field_set(&e->eax, 26, 6, (1u << p->bits) - 1);
}

/* False: the guest does not see this leaf. */
static bool entry_fix(struct kvm_cpuid_entry2 *e, const struct cpuid_place *p)
{
	if (e->function >= HYPERVISOR_LEAVES && e->function < HYPERVISOR_LEAVES_END)
		return false;
	switch (e->function) {
	case 1:
		field_set(&e->ebx, 24, 8, p->vcpu);
		field_set(&e->ebx, 16, 8, p->nr);
		field_set(&e->edx, 28, 1, p->nr > 1);
		e->ecx |= LEAF1_ECX_HYPERVISOR;
		e->ecx &= ~(LEAF1_ECX_VMX | LEAF1_ECX_MONITOR);
		return true;
	case 4:
	case 0x8000001d:
		cache_set(e, p);
		return true;
	case 7:
		if (e->index == 0)
			e->ebx &= ~LEAF7_EBX_SGX;
		return true;
	case 0x80000001:
		e->ecx &= ~(EXT1_ECX_SVM | EXT1_ECX_PERFCTR | EXT1_ECX_CMP_LEGACY);
		if (p->nr > 1)
			e->ecx |= EXT1_ECX_CMP_LEGACY;
		return true;
	case 0x80000008:
		field_set(&e->ecx, 0, 8, p->nr - 1);
		field_set(&e->ecx, 12, 4, p->bits);
		return true;
	case 0x8000001e:
		e->eax = p->vcpu;
		e->ebx = p->vcpu & 0xff;
		e->ecx = 0;
		return true;
	case 0xa:  /* performance counters */
	case 0xb:  /* made below */
	case 0x12: /* enclaves */
	case 0x1f:
	case 0x8000000a: /* nested virtualization */
	case 0x8000001f: /* memory encryption */
	case 0x80000022:
		return false;
	default:
		return true;
	}
}

static int entry_add(struct kvm_cpuid2 *out, const struct kvm_cpuid_entry2 *e)
{
	if (out->nent == KVM_PRIVATE_CPUIDS)
		return -ENOSPC;
	out->entries[out->nent++] = *e;
	return 0;
}

static int topology_add(struct kvm_cpuid2 *out, const struct cpuid_place *p)
{
	struct kvm_cpuid_entry2 e = {
		.function = 0xb, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX, .edx = p->vcpu
	};
	int rc;

	/* One thread per core; the type is in ecx[15:8], 0 ends the list. */
	e.ebx = 1;
	e.ecx = 1u << 8;
	rc = entry_add(out, &e);
	e.index = 1;
	e.eax = p->bits;
	e.ebx = p->nr;
	e.ecx = 1 | 2u << 8;
	if (rc == 0)
		rc = entry_add(out, &e);
	e.index = 2;
	e.eax = e.ebx = 0;
	e.ecx = 2;
	return rc == 0 ? entry_add(out, &e) : rc;
}

static int xen_add(
	struct kvm_cpuid2 *out, uint32_t domid, unsigned vcpu, uint32_t tsc_khz)
{
	struct cpuid_leaf leaf;

	for (unsigned index = 0; cpuid_xen(index, 0, domid, vcpu, tsc_khz, &leaf);
		index++) {
		unsigned sub = 0;

		do {
			struct kvm_cpuid_entry2 e = { .function = CPUID_XEN_BASE + index,
				.index = sub,
				.eax = leaf.eax,
				.ebx = leaf.ebx,
				.ecx = leaf.ecx,
				.edx = leaf.edx };
			int rc;

			if (index == 3)
				e.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
			rc = entry_add(out, &e);
			if (rc < 0)
				return rc;
			sub++;
		} while (index == 3 && sub < 3 &&
			 cpuid_xen(index, sub, domid, vcpu, tsc_khz, &leaf));
	}
	return 0;
}

int kvm_cpuid_make(const struct kvm_cpuid2 *offered, uint32_t domid, unsigned vcpu,
	unsigned nr, uint32_t tsc_khz, struct kvm_cpuid2 *out)
{
	struct cpuid_place p = { .vcpu = vcpu, .nr = nr, .bits = id_bits(nr) };
	int rc = 0;

	out->nent = 0;
	for (unsigned i = 0; i < offered->nent && rc == 0; i++) {
		struct kvm_cpuid_entry2 e = offered->entries[i];

		if (entry_fix(&e, &p))
			rc = entry_add(out, &e);
	}
	if (rc == 0)
		rc = topology_add(out, &p);
	return rc == 0 ? xen_add(out, domid, vcpu, tsc_khz) : rc;
}

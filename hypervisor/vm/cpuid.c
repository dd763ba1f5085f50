// SPDX-License-Identifier: MIT
#include "config.h"

#include <stdint.h>

#include <xen/xen.h>
#include <xen/arch-x86/cpuid.h>

#include "hypervisor/vm/vm.h"

#define CPUID_VERSION 0x00040011u
#define CPUID_TSC_SAFE (1u << 1)
#define CPUID_TSC_NEVER_EMULATE 2u

/* ns = ((ticks << shift) * mul) >> 32, a negative shift to the right. */
static void cpuid_tsc_scale(uint32_t khz, uint32_t *mul, uint32_t *shift)
{
	uint64_t hz = khz * 1000ull;
	int8_t by = 0;

	while (hz > 2000000000ull) {
		hz >>= 1;
		by--;
	}
	while (hz && hz <= 1000000000ull) {
		hz <<= 1;
		by++;
	}
	*mul = hz ? (1000000000ull << 32) / hz : 0;
	*shift = (uint8_t)by;
}

static void cpuid_tsc(unsigned subleaf, uint32_t khz, struct cpuid_leaf *out)
{
	switch (subleaf) {
	case 0:
		out->eax = CPUID_TSC_SAFE;
		out->ebx = CPUID_TSC_NEVER_EMULATE;
		out->ecx = khz;
		break;
	case 1:
		cpuid_tsc_scale(khz, &out->ecx, &out->edx);
		break;
	case 2:
		out->eax = khz;
		break;
	default:
		break;
	}
}

static void cpuid_hvm(uint32_t domid, unsigned vcpu, struct cpuid_leaf *out)
{
	out->eax = XEN_HVM_CPUID_IOMMU_MAPPINGS | XEN_HVM_CPUID_VCPU_ID_PRESENT |
		XEN_HVM_CPUID_DOMID_PRESENT | XEN_HVM_CPUID_UPCALL_VECTOR;
	out->ebx = vcpu;
	out->ecx = domid;
}

bool cpuid_xen(unsigned index, unsigned subleaf, uint32_t domid, unsigned vcpu, uint32_t tsc_khz,
	struct cpuid_leaf *out)
{
	*out = (struct cpuid_leaf){ 0 };
	switch (index) {
	case 0:
		out->eax = CPUID_XEN_BASE + XEN_CPUID_MAX_NUM_LEAVES;
		out->ebx = XEN_CPUID_SIGNATURE_EBX;
		out->ecx = XEN_CPUID_SIGNATURE_ECX;
		out->edx = XEN_CPUID_SIGNATURE_EDX;
		return true;
	case 1:
		out->eax = CPUID_VERSION;
		return true;
	case 2:
		out->eax = 1; /* one hypercall page */
		out->ebx = CPUID_XEN_BASE; /* written by this MSR */
		return true;
	case 3:
		cpuid_tsc(subleaf, tsc_khz, out);
		return true;
	case 4:
		if (subleaf == 0)
			cpuid_hvm(domid, vcpu, out);
		return true;
	default:
		return index <= XEN_CPUID_MAX_NUM_LEAVES;
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor and the domain builder say to each other, over a SOCK_SEQPACKET
 * socket pair that the toolstack made: each sends one message. Private to one build.
 */
#ifndef SLUICE_HYPERVISOR_BUILD_WIRE_H
#define SLUICE_HYPERVISOR_BUILD_WIRE_H

#include <stdint.h>

#define BUILD_WIRE_VERSION 1u

/**
 * struct build_order - hypervisor to builder, with the memfd of the vm's memory (layout.h), which
 * is new: all zeroes.
 */
struct build_order {
	uint32_t version;
	uint32_t vcpus;          /* online at the start; the first ones. Checked, but see acpi.h */
	uint32_t max_vcpus;      /* in the MADT, enabled; local APIC id = ACPI id = vCPU number */
	uint32_t hypercall_port; /* rewrite VMCALL and VMMCALL to OUT to this port; 0: leave them */
	uint64_t ram_bytes;      /* without the special area */
};

/**
 * struct build_result - builder to hypervisor. No message and a closed socket, or a reset one
 * (ECONNRESET: it ended before it read the order): it failed, and has said why on its stderr.
 */
struct build_result {
	uint32_t version;
	uint32_t entry;      /* guest physical, 32-bit protected mode (PVH) */
	uint32_t start_info; /* guest physical address of struct hvm_start_info */
	uint32_t rewritten;  /* hypercall sites rewritten */
};

#endif

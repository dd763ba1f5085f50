/* SPDX-License-Identifier: MIT */
/* What memory_op does, below the structures that it is asked with. No lock held. */
#ifndef SLUICE_HYPERVISOR_VM_HC_MEMORY_H
#define SLUICE_HYPERVISOR_VM_HC_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct vm;

/** struct memory_region - an entry of XENMEM_memory_map, the same for code of any width. */
struct memory_region {
	uint64_t addr, size;
	uint32_t type; /* as BIOS's E820 has them */
} __attribute__((packed));

#define MEMORY_REGIONS_MAX 4u

/**
 * memory_place() - XENMEM_add_to_physmap of the caller's own pages. 0 or -errno.
 * @bits64: whether 64-bit code asks, which looks for the time of day elsewhere in shared_info
 */
int memory_place(struct vm *vm, unsigned space, uint64_t index, uint64_t gfn, bool bits64);

/** memory_map_fill() - what XENMEM_memory_map says. Return: how many entries. */
unsigned memory_map_fill(const struct vm *vm, struct memory_region map[MEMORY_REGIONS_MAX]);

#endif

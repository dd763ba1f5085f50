/* SPDX-License-Identifier: MIT */
/* A vm's memory without a machine: the slots that it asks for are written down. */
#ifndef SLUICE_TESTS_UNIT_MEMORY_RIG_H
#define SLUICE_TESTS_UNIT_MEMORY_RIG_H

#include <stdint.h>

#include "hypervisor/vm/memory.h"

#define RIG_OWN 4u
#define RIG_SLOTS 128u

struct memory_rig {
	struct vm_memory m;
	struct {
		uint64_t gpa, size;
		uint8_t *hva;
	} slots[RIG_SLOTS];
	unsigned nr_slots;
	int slot_error; /* what the next slot_add() returns */
	int fd;         /* pages of somebody else */
	uint8_t *page;  /* RIG_PAGES of them */
};
#define RIG_PAGES 64u

/** rig_init() - a memory of @ram bytes. Asserts. */
void rig_init(struct memory_rig *r, uint64_t ram);
/** rig_fini() - asserts that no budget is left spent. */
void rig_fini(struct memory_rig *r);
extern const struct mem_ops rig_ops;

/** rig_guest() - the byte that the guest sees at @gpa: through the slot, as KVM does. */
uint8_t *rig_guest(struct memory_rig *r, uint64_t gpa);
/** rig_maps() - host mappings of this process that lie in the memory. */
unsigned rig_maps(struct memory_rig *r);

#endif

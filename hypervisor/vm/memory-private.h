/* SPDX-License-Identifier: MIT */
/* What memory.c and memory-exchange.c share; see memory.h for the rules. */
#ifndef SLUICE_HYPERVISOR_VM_MEMORY_PRIVATE_H
#define SLUICE_HYPERVISOR_VM_MEMORY_PRIVATE_H

#include "hypervisor/vm/memory.h"

/* Nothing but the frame's own: RAM inside RAM, nothing outside. Fresh metadata is zero. */
#define FRAME_DEFAULT 0u
/* The host had no memory to map anything at all here: nobody may touch the address. */
#define FRAME_LOST 0xffu

#define MEM_NO_GFN UINT64_MAX

/** struct mem_frame - what stands at one frame. Changed with the lock held for writing. */
struct mem_frame {
	uint8_t kind;   /* FRAME_DEFAULT, FRAME_LOST or enum mem_kind */
	uint8_t readonly;
	uint16_t pins;  /* atomic; changed with the lock held for reading */
	uint32_t own;   /* MEM_SPECIAL: which of the hypervisor's pages */
};

/** struct mem_extra - frames outside RAM that have a memory slot. */
struct mem_extra {
	uint64_t gfn;
	uint64_t nr;
	uint8_t *addr;
	struct mem_frame *frames;
};

/** struct mem_at - a frame, found. */
struct mem_at {
	uint64_t gfn;
	uint8_t *addr;
	struct mem_frame *frame;
	bool ram;        /* it has a page of its own, at */
	uint64_t offset; /* of the RAM memfd */
};

/** mem_find() - false: no memory slot has @gfn. With the lock held. */
bool mem_find(struct vm_memory *m, uint64_t gfn, struct mem_at *at);
/** mem_at_kind() - with the lock held. */
enum mem_kind mem_at_kind(const struct mem_at *at);
/** mem_lock_write() - no reader can keep a writer waiting for ever. */
void mem_lock_write(struct vm_memory *m);
void mem_unlock_write(struct vm_memory *m);
void mem_lock_read(struct vm_memory *m);
void mem_unlock_read(struct vm_memory *m);

/** mem_ram_restore() - the vm's own pages, from @offset of the memfd, at @addr again. 0 or -errno. */
int mem_ram_restore(struct vm_memory *m, void *addr, uint64_t offset, uint64_t size) must_check;
/** mem_extra_add() - a slot for @gfn, which has none. 0, -ENOSPC, -EINVAL, -ENOMEM. */
int mem_extra_add(struct vm_memory *m, uint64_t gfn) must_check;

/*
 * The budget of host mappings, which all vms of the process share; see mem_budget_init().
 */
/** mem_charge() - one more exchanged frame. @force: count it, but never refuse. */
bool mem_charge(struct vm_memory *m, bool force) must_check;
void mem_uncharge(struct vm_memory *m, uint32_t n);

#endif

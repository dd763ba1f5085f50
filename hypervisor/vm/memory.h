/* SPDX-License-Identifier: MIT */
/*
 * A vm's memory as the hypervisor sees it: which page stands at which guest frame
 * number (gfn). Knows no KVM: memory slots are made through struct mem_ops.
 *
 * RAM is one memfd, mapped once. What stands at a gfn can be exchanged: by one of the
 * hypervisor's own pages (shared_info, grant table frames), by a granted page of another
 * domain, or, for pages that this vm grants to a process domain, by a page of a grant arena.
 * Exchanging is mmap(MAP_FIXED) over the address behind the memory slot. Frames outside
 * RAM get a memory slot when something is first placed there.
 *
 * Who touches guest memory holds the lock for reading (mem_read(), mem_write(), mem_hold());
 * who exchanges pages holds it for writing. Order: a domain's lock before a memory's; nobody
 * takes a domain's lock with a memory's held. A thread may hold several memories for reading.
 * Pinned frames (vcpu_info, event arrays, shared_info) are never exchanged and need no lock.
 */
#ifndef SLUICE_HYPERVISOR_VM_MEMORY_H
#define SLUICE_HYPERVISOR_VM_MEMORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "hypervisor/vm/layout.h"

/** enum mem_kind - what stands at a gfn. */
enum mem_kind {
	MEM_NONE,    /* nothing */
	MEM_RAM,     /* the vm's own page */
	MEM_LENT,    /* a page of an arena, with the content of the vm's own page */
	MEM_SPECIAL, /* a page of the hypervisor's */
	MEM_FOREIGN, /* a page that another domain granted */
};

/** struct mem_ops - what is below. Called with the memory's lock held for writing. */
struct mem_ops {
	/** @slot_add: give the guest @size bytes at @gpa, backed by @hva. 0 or -errno. */
	int (*slot_add)(void *opaque, uint64_t gpa, uint64_t size, void *hva);
};

/* Frames outside RAM: slots of this size, and at most so many. */
#define MEM_EXTRA_BYTES (128ull << 20)
#define MEM_EXTRA_MAX 64u

struct mem_frame;
struct mem_extra;

/** struct vm_memory - private to memory*.c but for what is said here. */
struct vm_memory {
	pthread_rwlock_t lock;
	pthread_mutex_t gate; /* those who wait to hold it for writing are before new readers */
	unsigned writers;     /* atomic: who have the gate, or want it */
	const struct mem_ops *ops;
	void *opaque;
	int fd;             /* the RAM memfd; nobody else has it but the builder */
	uint8_t *base;      /* all of it, mapped */
	uint8_t *second;    /* the same once more, where nothing is exchanged; for the hypervisor */
	void *map;          /* what is mapped around it, to align it */
	uint64_t map_size;
	uint64_t ram_bytes;
	uint64_t size;      /* ram_bytes + VM_SPECIAL_SIZE */
	struct mem_frame *frames; /* by page of the memfd */
	struct mem_extra *extra;
	unsigned nr_extra;
	uint32_t exchanged; /* frames that are not MEM_RAM: each may cost two host mappings */
	uint32_t pinned;    /* atomic: pins of all frames */
	uint32_t lent;      /* frames that are MEM_LENT */
	uint32_t own_pages; /* the hypervisor's pages, see mem_own() */
	uint64_t *own_gfn;  /* where each of them stands */
	int own_fd;
	uint8_t *own;
};

/**
 * mem_budget_init() - read how many host mappings a process may have, which all vms share;
 * before confinement. Without it Linux's default counts.
 */
void mem_budget_init(void);
/** mem_budget_set() - the same by hand; for tests. @frames: that may be exchanged in all. */
void mem_budget_set(uint32_t frames);
/** mem_budget_spent() - frames that are exchanged now, of all vms. */
uint32_t mem_budget_spent(void);

/**
 * mem_init() - make RAM of @ram_bytes (a multiple of the page size, VM_MIN_RAM to VM_MAX_RAM)
 * and @own_pages pages of the hypervisor's for this vm; adds the RAM slots.
 *
 * Return: 0, -EINVAL, -ENOMEM, what slot_add() returned.
 */
int mem_init(struct vm_memory *m, uint64_t ram_bytes, uint32_t own_pages,
	const struct mem_ops *ops, void *opaque) must_check;
/**
 * mem_drop() - the vm is destroyed: its memory is given back. From then on nothing stands at
 * any gfn; the functions here still work, and the hypervisor's own pages stay (grants that
 * others have mapped are still released in them), as do pages that mem_locate() pinned: another
 * vm shows them and may have I/O on them. What mem_pin() pinned must be out of use.
 */
void mem_drop(struct vm_memory *m);
/** mem_fini() - the rest, when nobody else knows of @m; also without mem_drop(). */
void mem_fini(struct vm_memory *m);

/** mem_lent() - how many pages are lent. */
uint32_t mem_lent(struct vm_memory *m);

/** mem_own() - the hypervisor's page @index, zeroed at first; mapped until mem_fini(), also after mem_drop(). */
void *mem_own(struct vm_memory *m, uint32_t index);

/** mem_own_gfn() - where the hypervisor's page @index stands; UINT64_MAX: nowhere. */
uint64_t mem_own_gfn(struct vm_memory *m, uint32_t index);

/** mem_kind() - what stands at @gfn. A hint, unless the caller holds the lock. */
enum mem_kind mem_kind(struct vm_memory *m, uint64_t gfn);

/** mem_read() - copy from guest physical memory, across pages. 0, or -EFAULT: not all is there. */
int mem_read(struct vm_memory *m, uint64_t gpa, void *to, size_t len) must_check;
/** mem_write() - -EFAULT, also where the guest may only read. What came before is written. */
int mem_write(struct vm_memory *m, uint64_t gpa, const void *from, size_t len) must_check;

/**
 * mem_hold() - the page at @gfn, and nobody exchanges it until mem_release(), which the same
 * thread calls.
 * @write: refuse pages that the guest may only read
 * NULL: nothing is there; then nothing is held. Holds may be nested; each has its release.
 */
void *mem_hold(struct vm_memory *m, uint64_t gfn, bool write);
void mem_release(struct vm_memory *m);

/**
 * mem_pin() - the page at @gfn for as long as the hypervisor needs it; until mem_unpin()
 * nobody can exchange it. Only the vm's own RAM and MEM_SPECIAL pages can be pinned; NULL otherwise.
 */
void *mem_pin(struct vm_memory *m, uint64_t gfn);
void mem_unpin(struct vm_memory *m, uint64_t gfn);

/**
 * mem_place_own() - show the hypervisor's page @index at @gfn, instead of what is there; the
 * page leaves the gfn where it was before, which gets its RAM back, or nothing.
 * Return: 0, -EBUSY (pinned, lent or foreign), -ENOSPC (too many frames outside RAM), -ENOMEM,
 * -EINVAL (beyond what a guest can have, or next to the APIC), what slot_add() returned.
 */
int mem_place_own(struct vm_memory *m, uint64_t gfn, uint32_t index) must_check;
/** mem_remove() - take a MEM_SPECIAL page away again; RAM comes back, or nothing. 0, -EBUSY, -ENOENT. */
int mem_remove(struct vm_memory *m, uint64_t gfn) must_check;

/**
 * mem_discard() - the vm's own page at @gfn gives its memory back, and reads as zeroes later.
 * 0, -EBUSY: pinned; -ENOENT: no MEM_RAM.
 */
int mem_discard(struct vm_memory *m, uint64_t gfn) must_check;

/**
 * mem_place_foreign() - show the page at @offset of @fd at @gfn.
 * Return: as mem_place_own(), and -ENOSPC also when the budget of exchanged frames is spent.
 */
int mem_place_foreign(
	struct vm_memory *m, uint64_t gfn, int fd, uint64_t offset, bool readonly) must_check;
/** mem_remove_foreign() - 0, -ENOENT: there is none. */
int mem_remove_foreign(struct vm_memory *m, uint64_t gfn) must_check;

/** struct mem_move - one page of the vm that an arena takes over, or gives back. */
struct mem_move {
	uint64_t gfn;
	void *page; /* in the caller's mapping of the arena: shared and writable. Pages that
		     * are neighbours in memory must be so in one memfd. */
	int status; /* out: 0 or -errno */
};
/**
 * mem_lend() - put arena pages, with the content that the frames have now, in place of the
 * vm's own pages. No vCPU may be in guest mode: see vm_quiesce().
 * Per page: -EBUSY: pinned, or not the vm's own page (MEM_RAM); -ENOSPC: the budget is spent;
 * -ENOMEM. Runs of neighbouring frames with neighbouring pages are much cheaper than others.
 */
void mem_lend(struct vm_memory *m, struct mem_move *moves, unsigned n);
/**
 * mem_reclaim() - the opposite: content back into the vm's own pages.
 * Per page: -ENOENT: it is not lent; -ENOMEM: it still is.
 */
void mem_reclaim(struct vm_memory *m, struct mem_move *moves, unsigned n);

/**
 * mem_locate() - where the vm's own page @gfn is: @offset in the RAM memfd; for mapping it
 * into another vm. Pins it, until mem_unpin(): the other vm's mapping follows no exchange.
 * -ENOENT unless it is MEM_RAM; -EOVERFLOW: pinned too often.
 */
int mem_locate(struct vm_memory *m, uint64_t gfn, uint64_t *offset) must_check;

#endif

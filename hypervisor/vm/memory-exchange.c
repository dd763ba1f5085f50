// SPDX-License-Identifier: MIT
/*
 * Exchanging what stands at a frame: one mapping put over the address behind its memory
 * slot. KVM learns of it by itself (MMU notifiers); a vCPU that touches the frame
 * meanwhile waits, and then meets the old page or the new one.
 */
#include "config.h"
#include "hypervisor/vm/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "hypervisor/vm/memory-private.h"

static bool frame_pinned(const struct mem_at *at)
{
	/* Pins are taken with the lock held for reading; we have it for writing. */
	return __atomic_load_n(&at->frame->pins, __ATOMIC_RELAXED) != 0;
}

/* Maps what is the frame's own, @n frames of one slot. */
static int default_map(struct vm_memory *m, const struct mem_at *at, unsigned n)
{
	if (at->ram)
		return mem_ram_restore(m, at->addr, at->offset, n * VM_PAGE);
	if (mmap(at->addr, n * VM_PAGE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		    0) == MAP_FAILED)
		return -errno;
	return 0;
}

/*
 * Another mapping was refused. Linux does that before it touches the old one, save where
 * the kernel itself has no memory: be sure that something is there, or that nobody looks.
 */
static void frame_lose(struct vm_memory *m, const struct mem_at *at, unsigned n)
{
	if (default_map(m, at, n) == 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		at->frame[i].kind = FRAME_LOST;
		at->frame[i].readonly = 0;
	}
}

/* Takes a page of the hypervisor's, or a foreign one, away. */
static int frame_reset(struct vm_memory *m, const struct mem_at *at)
{
	int rc = default_map(m, at, 1);

	if (rc < 0)
		return rc;
	if (at->frame->kind == MEM_SPECIAL)
		m->own_gfn[at->frame->own] = MEM_NO_GFN;
	*at->frame = (struct mem_frame){ .kind = FRAME_DEFAULT };
	mem_uncharge(m, 1);
	return 0;
}

/* Finds the frame at which something is to be placed, and makes its slot. */
static int place_find(struct vm_memory *m, uint64_t gfn, struct mem_at *at)
{
	enum mem_kind kind;

	if (!mem_find(m, gfn, at)) {
		int rc = mem_extra_add(m, gfn);

		if (rc < 0)
			return rc;
		if (!mem_find(m, gfn, at))
			return -EINVAL;
	}
	kind = mem_at_kind(at);
	if (frame_pinned(at) || kind == MEM_LENT || kind == MEM_FOREIGN)
		return -EBUSY;
	return at->frame->kind == FRAME_LOST ? -ENOMEM : 0;
}

/* Shows a page of a memfd at a frame that shows its own; charged by the caller. */
static int frame_show(struct vm_memory *m, const struct mem_at *at, int fd,
	uint64_t offset, bool readonly)
{
	int rc = 0;

	if (mmap(at->addr, VM_PAGE, PROT_READ | (readonly ? 0 : PROT_WRITE),
		    MAP_SHARED | MAP_FIXED, fd, offset) == MAP_FAILED) {
		rc = -errno;
		frame_lose(m, at, 1);
		mem_uncharge(m, 1);
		return rc;
	}
	(void)madvise(at->addr, VM_PAGE, MADV_DONTDUMP);
	at->frame->readonly = readonly;
	return 0;
}

/* Takes the hypervisor's page @index from where it stands, and what is at @at from there.
 */
static int own_clear(struct vm_memory *m, uint32_t index, const struct mem_at *at)
{
	struct mem_at old;

	if (m->own_gfn[index] != MEM_NO_GFN && mem_find(m, m->own_gfn[index], &old)) {
		int rc = frame_pinned(&old) ? -EBUSY : frame_reset(m, &old);

		if (rc < 0)
			return rc;
	}
	return at->frame->kind == MEM_SPECIAL ? frame_reset(m, at) : 0;
}

static int place_own(struct vm_memory *m, uint64_t gfn, uint32_t index)
{
	struct mem_at at;
	int rc;

	if (index >= m->own_pages || gfn == MEM_NO_GFN || !m->base)
		return -EINVAL;
	if (m->own_gfn[index] == gfn)
		return 0;
	rc = place_find(m, gfn, &at);
	if (rc == 0)
		rc = own_clear(m, index, &at);
	if (rc < 0)
		return rc;
	/* So few that the budget need not be asked. */
	(void)!mem_charge(m, true);
	rc = frame_show(m, &at, m->own_fd, index * VM_PAGE, false);
	if (rc < 0)
		return rc;
	at.frame->kind = MEM_SPECIAL;
	at.frame->own = index;
	m->own_gfn[index] = gfn;
	return 0;
}

int mem_place_own(struct vm_memory *m, uint64_t gfn, uint32_t index)
{
	int rc;

	mem_lock_write(m);
	rc = place_own(m, gfn, index);
	mem_unlock_write(m);
	return rc;
}

static int place_foreign(
	struct vm_memory *m, uint64_t gfn, int fd, uint64_t offset, bool readonly)
{
	struct mem_at at;
	int rc = place_find(m, gfn, &at);

	if (rc == 0 && at.frame->kind == MEM_SPECIAL)
		rc = frame_reset(m, &at);
	if (rc < 0)
		return rc;
	if (!mem_charge(m, false))
		return -ENOSPC;
	rc = frame_show(m, &at, fd, offset, readonly);
	if (rc == 0)
		at.frame->kind = MEM_FOREIGN;
	return rc;
}

int mem_place_foreign(
	struct vm_memory *m, uint64_t gfn, int fd, uint64_t offset, bool readonly)
{
	int rc;

	mem_lock_write(m);
	rc = place_foreign(m, gfn, fd, offset, readonly);
	mem_unlock_write(m);
	return rc;
}

/* Takes away what is of @kind. */
static int frame_remove(struct vm_memory *m, uint64_t gfn, enum mem_kind kind)
{
	struct mem_at at;
	int rc = -ENOENT;

	mem_lock_write(m);
	if (mem_find(m, gfn, &at) && mem_at_kind(&at) == kind)
		rc = frame_pinned(&at) ? -EBUSY : frame_reset(m, &at);
	mem_unlock_write(m);
	return rc;
}

int mem_remove(struct vm_memory *m, uint64_t gfn)
{
	return frame_remove(m, gfn, MEM_SPECIAL);
}

int mem_remove_foreign(struct vm_memory *m, uint64_t gfn)
{
	return frame_remove(m, gfn, MEM_FOREIGN);
}

/* May this page be lent? Charges it if so. */
static int lend_check(struct vm_memory *m, struct mem_move *move, struct mem_at *at)
{
	if (!mem_find(m, move->gfn, at) || mem_at_kind(at) != MEM_RAM || frame_pinned(at))
		return -EBUSY;
	return mem_charge(m, false) ? 0 : -ENOSPC;
}

static int reclaim_check(struct vm_memory *m, struct mem_move *move, struct mem_at *at)
{
	return mem_find(m, move->gfn, at) && mem_at_kind(at) == MEM_LENT ? 0 : -ENOENT;
}

/*
 * Neighbours move in one piece: frames one after another are so in memory, too. Whoever
 * made the pages keeps those of different memfds apart.
 */
static bool move_follows(const struct mem_move *a, const struct mem_move *b)
{
	return a->gfn + 1 == b->gfn && (uint8_t *)a->page + VM_PAGE == b->page;
}

static int lend_run(
	struct vm_memory *m, struct mem_move *moves, const struct mem_at *at, unsigned n)
{
	memcpy(moves[0].page, at->addr, n * VM_PAGE);
	/*
	 * With a length of 0 the mapping is doubled, not moved. mmap() of the memfd would
	 * not do: it may be sealed against new writable mappings.
	 */
	if (mremap(moves[0].page, 0, n * VM_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    at->addr) == MAP_FAILED) {
		int rc = -errno;

		frame_lose(m, at, n);
		mem_uncharge(m, n);
		return rc;
	}
	for (unsigned i = 0; i < n; i++)
		at->frame[i].kind = MEM_LENT;
	m->lent += n;
	return 0;
}

static int reclaim_run(
	struct vm_memory *m, struct mem_move *moves, const struct mem_at *at, unsigned n)
{
	int rc;

	memcpy(m->second + at->offset, moves[0].page, n * VM_PAGE);
	rc = default_map(m, at, n);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < n; i++)
		at->frame[i].kind = FRAME_DEFAULT;
	mem_uncharge(m, n);
	m->lent -= n;
	return 0;
}

typedef int move_check_fn(struct vm_memory *m, struct mem_move *move, struct mem_at *at);
typedef int move_run_fn(
	struct vm_memory *m, struct mem_move *moves, const struct mem_at *at, unsigned n);

/* A run is done before what does not follow it is looked at: a frame may be there twice.
 */
static void move_all(struct vm_memory *m, struct mem_move *moves, unsigned n,
	move_check_fn *check, move_run_fn *run)
{
	unsigned start = 0;

	while (start < n) {
		struct mem_at first, at;
		unsigned end = start + 1;
		int rc = moves[start].status = check(m, &moves[start], &first);

		if (rc == 0) {
			while (end < n && move_follows(&moves[end - 1], &moves[end]) &&
				check(m, &moves[end], &at) == 0)
				end++;
			rc = run(m, &moves[start], &first, end - start);
		}
		for (; start < end; start++)
			moves[start].status = rc;
	}
}

void mem_lend(struct vm_memory *m, struct mem_move *moves, unsigned n)
{
	mem_lock_write(m);
	move_all(m, moves, n, lend_check, lend_run);
	mem_unlock_write(m);
}

void mem_reclaim(struct vm_memory *m, struct mem_move *moves, unsigned n)
{
	mem_lock_write(m);
	move_all(m, moves, n, reclaim_check, reclaim_run);
	mem_unlock_write(m);
}

int mem_discard(struct vm_memory *m, uint64_t gfn)
{
	struct mem_at at;
	int rc = -ENOENT;

	mem_lock_write(m);
	if (mem_find(m, gfn, &at) && mem_at_kind(&at) == MEM_RAM) {
		if (frame_pinned(&at))
			rc = -EBUSY;
		else if (fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 at.offset, VM_PAGE) == 0)
			rc = 0;
		else
			rc = -errno;
	}
	mem_unlock_write(m);
	return rc;
}

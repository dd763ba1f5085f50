// SPDX-License-Identifier: MIT
/*
 * Arenas are made of memfds of up to 256 pages. What may their holder, the process
 * domain, do to one?
 *
 * It cannot resize it (F_SEAL_SHRINK, _GROW) nor open it again with other rights (mode 0).
 * If it was granted to read only, it can neither map it writable nor write() to it nor
 * punch holes (F_SEAL_FUTURE_WRITE). If it was granted to write, it may
 *
 * - punch holes: the guest then reads zeroes, as if the mapper had written them. Where the
 *   host has no memory for the new page, see fault_guard();
 * - add F_SEAL_FUTURE_WRITE: we place pages by doubling the mapping that we have, which
 *   no seal forbids. F_SEAL_WRITE fails while that mapping exists;
 * - add F_SEAL_SEAL: then nobody can prove that its I/O has ended by adding F_SEAL_WRITE,
 *   which is why it is not there from the start. The loss is the mapper's successor's.
 *
 * A page that was given back holds what was granted until then. It is not zeroed, but
 * wholly overwritten before it is shown again, to the same connection with the same right.
 */
#include "config.h"
#include "hypervisor/vm/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hypervisor/vm/kvm.h"
#include "hypervisor/vm/memory.h"
#include "hypervisor/vm/vm.h"

#define CHUNK_MAX 256u
#define HASH 256u
#define RETURN_BATCH 128u
#define NO_SLOT UINT32_MAX

/* One page of an arena, by slot: CHUNK_MAX slots for each chunk, of which it may have
 * less. */
struct slot {
	uint64_t gfn;
	uint32_t users; /* how often it is lent; 0: free */
	uint32_t next;  /* with the same hash */
};

struct chunk {
	int fd;
	uint8_t *addr;
	uint32_t nr;
	uint32_t used;
	struct slot slots[];
};

struct arena {
	struct arena *next;
	struct vm *vm; /* only compared once the vm is destroyed */
	bool readonly;
	uint32_t used;
	struct chunk **chunks;
	uint32_t nr_chunks;
	uint32_t hash[HASH];
};

static struct slot *slot_get(struct arena *a, uint32_t slot)
{
	return &a->chunks[slot / CHUNK_MAX]->slots[slot % CHUNK_MAX];
}

static uint8_t *slot_addr(struct arena *a, uint32_t slot)
{
	return a->chunks[slot / CHUNK_MAX]->addr + slot % CHUNK_MAX * VM_PAGE;
}

static uint32_t *hash_head(struct arena *a, uint64_t gfn)
{
	return &a->hash[(gfn ^ gfn >> 8) % HASH];
}

static uint32_t slot_find(struct arena *a, uint64_t gfn)
{
	uint32_t slot = *hash_head(a, gfn);

	while (slot != NO_SLOT && slot_get(a, slot)->gfn != gfn)
		slot = slot_get(a, slot)->next;
	return slot;
}

static struct arena *arena_find(struct arena_set *set, struct vm *vm, bool readonly)
{
	for (struct arena *a = set->arenas; a; a = a->next)
		if (a->vm == vm && a->readonly == readonly)
			return a;
	return NULL;
}

static struct arena *arena_get(struct arena_set *set, struct vm *vm, bool readonly)
{
	struct arena *a = arena_find(set, vm, readonly);

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->vm = vm;
	a->readonly = readonly;
	for (unsigned i = 0; i < HASH; i++)
		a->hash[i] = NO_SLOT;
	a->next = set->arenas;
	set->arenas = a;
	return a;
}

static int chunk_memfd(size_t size)
{
	int fd = memfd_create("sluice-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int rc;

	if (fd < 0)
		return -errno;
	/* Allocated now, so that want of memory is an error here and not a SIGBUS later.
	 */
	if (fallocate(fd, 0, 0, size) < 0 || fchmod(fd, 0) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/*
 * Our mapping comes before the seal that would forbid it. A page around it that is
 * nobody's keeps it apart from its neighbours, see struct mem_move.
 */
static int chunk_map(struct chunk *c, bool readonly)
{
	size_t size = c->nr * VM_PAGE;
	uint8_t *addr = mmap(NULL, size + VM_PAGE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (addr == MAP_FAILED)
		return -errno;
	c->addr = addr;
	if (mmap(addr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, c->fd, 0) ==
		MAP_FAILED)
		return -errno;
	(void)madvise(addr, size, MADV_DONTDUMP);
	if (readonly && fcntl(c->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) < 0)
		return -errno;
	return 0;
}

static void chunk_free(struct arena_set *set, struct chunk *c)
{
	if (c->addr)
		munmap(c->addr, (c->nr + 1) * VM_PAGE);
	if (c->fd >= 0)
		close(c->fd);
	set->ops->uncharge(set->opaque, c->nr);
	free(c);
}

/* Small at first: most connections map a ring or two. */
static uint32_t chunk_size(const struct arena *a)
{
	return a->nr_chunks == 0   ? CHUNK_MAX / 16
	       : a->nr_chunks == 1 ? CHUNK_MAX / 4
				   : CHUNK_MAX;
}

static int chunk_add(struct arena_set *set, struct arena *a)
{
	uint32_t nr = chunk_size(a);
	struct chunk **chunks =
		realloc(a->chunks, (a->nr_chunks + 1) * sizeof(struct chunk *));
	struct chunk *c;
	int rc;

	if (!chunks)
		return -ENOMEM;
	a->chunks = chunks;
	if (!set->ops->charge(set->opaque, nr))
		return -ENOSPC;
	c = calloc(1, sizeof(*c) + nr * sizeof(c->slots[0]));
	if (!c) {
		set->ops->uncharge(set->opaque, nr);
		return -ENOMEM;
	}
	c->nr = nr;
	rc = c->fd = chunk_memfd(nr * VM_PAGE);
	if (rc >= 0)
		rc = chunk_map(c, a->readonly);
	if (rc < 0) {
		chunk_free(set, c);
		return rc;
	}
	a->chunks[a->nr_chunks++] = c;
	return 0;
}

/* The lowest free slot, so that neighbours stay neighbours. */
static int slot_take(struct arena_set *set, struct arena *a, uint32_t *slot)
{
	for (uint32_t i = 0;; i++) {
		struct chunk *c;

		if (i == a->nr_chunks) {
			int rc = chunk_add(set, a);

			if (rc < 0)
				return rc;
		}
		c = a->chunks[i];
		for (uint32_t k = 0; c->used < c->nr && k < c->nr; k++) {
			if (c->slots[k].users == 0) {
				*slot = i * CHUNK_MAX + k;
				return 0;
			}
		}
	}
}

static int slot_new(struct arena_set *set, struct arena *a, uint64_t gfn, uint32_t *slot)
{
	uint32_t *head = hash_head(a, gfn);
	int rc = slot_take(set, a, slot);
	struct slot *s;

	if (rc < 0)
		return rc;
	s = slot_get(a, *slot);
	*s = (struct slot){ .gfn = gfn, .users = 1, .next = *head };
	*head = *slot;
	a->chunks[*slot / CHUNK_MAX]->used++;
	a->used++;
	return 0;
}

static void slot_free(struct arena *a, uint32_t slot)
{
	struct slot *s = slot_get(a, slot);
	uint32_t *link = hash_head(a, s->gfn);

	while (*link != slot)
		link = &slot_get(a, *link)->next;
	*link = s->next;
	s->users = 0;
	a->chunks[slot / CHUNK_MAX]->used--;
	a->used--;
}

/* vCPUs pause while pages move; a vm that is destroyed has none, and no memory. */
static void move(struct vm *vm, struct mem_move *moves, unsigned n, bool lend)
{
	vm_quiesce(vm);
	if (lend)
		mem_lend(&vm->mem, moves, n);
	else
		mem_reclaim(&vm->mem, moves, n);
	vm_resume(vm);
}

/*
 * A frame that cannot be taken back stays visible to somebody whom it is not granted to
 * any more: rather no guest than that. It takes a host without memory for its own needs.
 */
static void reclaim(struct vm *vm, struct mem_move *moves, unsigned n)
{
	bool failed = false;

	if (!n || vm->zombie)
		return;
	move(vm, moves, n, false);
	for (unsigned i = 0; i < n; i++)
		failed |= moves[i].status < 0;
	if (!failed)
		return;
	log_err("domain %u (%s): the host cannot map its granted pages back; it is ended",
		vm->d.domid, vm->d.name);
	vm_shutdown(vm, SHUTDOWN_crash);
}

/* Gives up those of @moves that were to be lent: the ones that were are taken back. */
static void lend_undo(struct arena *a, struct mem_move *moves, unsigned n)
{
	unsigned lent = 0;

	for (unsigned i = 0; i < n; i++) {
		if (moves[i].status == 0)
			moves[lent++] = moves[i];
	}
	reclaim(a->vm, moves, lent);
}

/*
 * Takes a slot for each frame that is not lent yet, and notes its move. -errno: @done
 * frames have one.
 */
static int slots_take(struct arena_set *set, struct arena *a, struct arena_page *pages,
	unsigned n, struct mem_move *moves, unsigned *nr_moves, unsigned *done)
{
	for (*done = 0; *done < n; ++*done) {
		uint64_t gfn = pages[*done].gfn;
		uint32_t slot = slot_find(a, gfn);
		int rc = 0;

		if (slot != NO_SLOT) {
			slot_get(a, slot)->users++;
		} else {
			rc = slot_new(set, a, gfn, &slot);
			if (rc < 0)
				return rc;
			moves[(*nr_moves)++] = (struct mem_move){ .gfn = gfn,
				.page = slot_addr(a, slot) };
		}
		pages[*done].fd = a->chunks[slot / CHUNK_MAX]->fd;
		pages[*done].index = slot % CHUNK_MAX;
	}
	return 0;
}

static void slots_drop(struct arena *a, const struct arena_page *pages, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t slot = slot_find(a, pages[i].gfn);

		if (slot_get(a, slot)->users == 1)
			slot_free(a, slot);
		else
			slot_get(a, slot)->users--;
	}
}

/* Chunks at the end that have no pages in use, and the arena itself when it has none. */
static void arena_trim(struct arena_set *set, struct arena *a)
{
	while (a->nr_chunks && a->chunks[a->nr_chunks - 1]->used == 0)
		chunk_free(set, a->chunks[--a->nr_chunks]);
	if (a->nr_chunks)
		return;
	for (struct arena **link = &set->arenas; *link; link = &(*link)->next) {
		if (*link == a) {
			*link = a->next;
			break;
		}
	}
	free(a->chunks);
	free(a);
}

int arena_lend(struct arena_set *set, struct vm *vm, bool readonly,
	struct arena_page *pages, unsigned n)
{
	CLEANUP_FREE struct mem_move *moves = calloc(n, sizeof(*moves));
	struct arena *a = vm->zombie ? NULL : arena_get(set, vm, readonly);
	unsigned nr_moves = 0, done = 0;
	int rc;

	if (!a)
		return vm->zombie ? -EBUSY : -ENOMEM;
	rc = moves ? slots_take(set, a, pages, n, moves, &nr_moves, &done) : -ENOMEM;
	if (rc == 0 && nr_moves) {
		move(vm, moves, nr_moves, true);
		for (unsigned i = 0; i < nr_moves && rc == 0; i++)
			rc = moves[i].status;
		if (rc < 0)
			lend_undo(a, moves, nr_moves);
	}
	if (rc < 0)
		slots_drop(a, pages, done);
	arena_trim(set, a);
	return rc;
}

void arena_return(struct arena_set *set, struct vm *vm, bool readonly,
	const struct arena_page *pages, unsigned n)
{
	struct arena *a = arena_find(set, vm, readonly);
	struct mem_move moves[RETURN_BATCH];

	while (n) {
		unsigned batch = n < RETURN_BATCH ? n : RETURN_BATCH;
		unsigned nr_moves = 0;

		for (unsigned i = 0; i < batch; i++) {
			uint32_t slot = slot_find(a, pages[i].gfn);

			/* What is in the batch twice moves with the last one, too. */
			if (--slot_get(a, slot)->users == 0)
				moves[nr_moves++] = (struct mem_move){
					.gfn = pages[i].gfn,
					.page = slot_addr(a, slot),
				};
		}
		reclaim(vm, moves, nr_moves);
		for (unsigned i = 0; i < nr_moves; i++)
			slot_free(a, slot_find(a, moves[i].gfn));
		pages += batch;
		n -= batch;
	}
	arena_trim(set, a);
}

// SPDX-License-Identifier: MIT
/* A vm's memory: its making, and access to it by guest physical address. */
#include "config.h"
#include "hypervisor/vm/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hypervisor/vm/memory-private.h"

#define ALIGNMENT (2ull << 20) /* of the mapping, so that huge pages fit */
/* No frame is placed in [this, VM_HIGH_RAM): the special area, and what KVM has there. */
#define NO_EXTRA VM_SPECIAL_BASE
#define EXTRA_END (VM_HIGH_RAM + 2 * VM_MAX_RAM)

/* Memories that this thread holds for reading, nested holds counted. */
static __thread unsigned held;

/*
 * Readers may nest, also across memories, so that one who holds any must never wait for a
 * writer that only waits itself. One who holds none does, else a guest with a few vCPUs
 * could keep a writer out for ever.
 */
void mem_lock_read(struct vm_memory *m)
{
	if (held++ == 0 && __atomic_load_n(&m->writers, __ATOMIC_RELAXED)) {
		pthread_mutex_lock(&m->gate);
		pthread_mutex_unlock(&m->gate);
	}
	pthread_rwlock_rdlock(&m->lock);
}

void mem_unlock_read(struct vm_memory *m)
{
	pthread_rwlock_unlock(&m->lock);
	held--;
}

void mem_lock_write(struct vm_memory *m)
{
	__atomic_add_fetch(&m->writers, 1, __ATOMIC_RELAXED);
	pthread_mutex_lock(&m->gate);
	pthread_rwlock_wrlock(&m->lock);
}

void mem_unlock_write(struct vm_memory *m)
{
	pthread_rwlock_unlock(&m->lock);
	__atomic_sub_fetch(&m->writers, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&m->gate);
}

/* The page of the RAM memfd that is @gfn's own. */
static bool ram_page(const struct vm_memory *m, uint64_t gfn, uint64_t *page)
{
	uint64_t low = m->ram_bytes < VM_LOW_RAM_MAX ? m->ram_bytes : VM_LOW_RAM_MAX;
	uint64_t high = m->ram_bytes - low;

	if (gfn < low / VM_PAGE) {
		*page = gfn;
		return true;
	}
	if (gfn >= VM_HIGH_RAM / VM_PAGE &&
		gfn - VM_HIGH_RAM / VM_PAGE < high / VM_PAGE) {
		*page = gfn - VM_HIGH_RAM / VM_PAGE + low / VM_PAGE;
		return true;
	}
	if (gfn >= VM_SPECIAL_BASE / VM_PAGE &&
		gfn - VM_SPECIAL_BASE / VM_PAGE < VM_SPECIAL_SIZE / VM_PAGE) {
		*page = gfn - VM_SPECIAL_BASE / VM_PAGE + m->ram_bytes / VM_PAGE;
		return true;
	}
	return false;
}

bool mem_find(struct vm_memory *m, uint64_t gfn, struct mem_at *at)
{
	uint64_t page;

	at->gfn = gfn;
	if (!m->base)
		return false;
	at->ram = ram_page(m, gfn, &page);
	if (at->ram) {
		at->offset = page * VM_PAGE;
		at->addr = m->base + at->offset;
		at->frame = &m->frames[page];
		return true;
	}
	for (unsigned i = 0; i < m->nr_extra; i++) {
		struct mem_extra *x = &m->extra[i];

		if (gfn >= x->gfn && gfn - x->gfn < x->nr) {
			at->addr = x->addr + (gfn - x->gfn) * VM_PAGE;
			at->frame = &x->frames[gfn - x->gfn];
			return true;
		}
	}
	return false;
}

enum mem_kind mem_at_kind(const struct mem_at *at)
{
	if (at->frame->kind == FRAME_DEFAULT)
		return at->ram ? MEM_RAM : MEM_NONE;
	return at->frame->kind == FRAME_LOST ? MEM_NONE : (enum mem_kind)at->frame->kind;
}

/* A memfd that nobody can resize, and nobody can open again through /proc. */
static int fd_make(const char *name, uint64_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int rc;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, size) < 0 || fchmod(fd, 0) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* All of the memfd at @addr (NULL: anywhere). */
static void *ram_map(struct vm_memory *m, void *addr)
{
	void *p = mmap(addr, m->size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_NORESERVE | (addr ? MAP_FIXED : 0), m->fd, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Where the host has no huge pages, or none for memfds, these change nothing. */
	(void)madvise(p, m->size, MADV_DONTDUMP);
	(void)madvise(p, m->size, MADV_HUGEPAGE);
	return p;
}

int mem_ram_restore(struct vm_memory *m, void *addr, uint64_t offset, uint64_t size)
{
	/*
	 * Doubling what is mapped elsewhere (a length of 0) takes its advice along in the
	 * same call: mappings merge only with those that are alike.
	 */
	return mremap(m->second + offset, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, addr) ==
			       MAP_FAILED
		       ? -errno
		       : 0;
}

/* Zeroed memory that costs nothing where it is not touched. */
static void *lazy_alloc(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Not allocated: a vm's memory may be more than the host has free; see fault_guard(). */
static int ram_make(struct vm_memory *m)
{
	uint8_t *p;

	m->fd = fd_make("sluice-ram", m->size);
	if (m->fd < 0)
		return m->fd;
	m->map_size = m->size + ALIGNMENT;
	p = mmap(NULL, m->map_size, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	m->map = p;
	m->base = p + (-(uintptr_t)p & (ALIGNMENT - 1));
	m->second = ram_map(m, NULL);
	if (!m->second || !ram_map(m, m->base))
		return -ENOMEM;
	m->frames = lazy_alloc(m->size / VM_PAGE * sizeof(*m->frames));
	return m->frames ? 0 : -ENOMEM;
}

static int own_make(struct vm_memory *m, uint32_t pages)
{
	uint64_t size = pages * VM_PAGE;
	void *p;

	m->own_gfn = calloc(pages, sizeof(*m->own_gfn));
	if (!m->own_gfn)
		return -ENOMEM;
	for (uint32_t i = 0; i < pages; i++)
		m->own_gfn[i] = MEM_NO_GFN;
	m->own_fd = fd_make("sluice-own", size);
	if (m->own_fd < 0)
		return m->own_fd;
	/* These are few, and we cannot do without them. */
	if (fallocate(m->own_fd, 0, 0, size) < 0)
		return -errno;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->own_fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	m->own = p;
	m->own_pages = pages;
	return 0;
}

static int slots_add(struct vm_memory *m)
{
	uint64_t low = m->ram_bytes < VM_LOW_RAM_MAX ? m->ram_bytes : VM_LOW_RAM_MAX;
	int rc = m->ops->slot_add(m->opaque, 0, low, m->base);

	if (rc == 0 && m->ram_bytes > low)
		rc = m->ops->slot_add(
			m->opaque, VM_HIGH_RAM, m->ram_bytes - low, m->base + low);
	if (rc == 0)
		rc = m->ops->slot_add(m->opaque, VM_SPECIAL_BASE, VM_SPECIAL_SIZE,
			m->base + m->ram_bytes);
	return rc;
}

int mem_init(struct vm_memory *m, uint64_t ram_bytes, uint32_t own_pages,
	const struct mem_ops *ops, void *opaque)
{
	int rc;

	memset(m, 0, sizeof(*m));
	m->fd = m->own_fd = -1;
	if (ram_bytes % VM_PAGE || ram_bytes < VM_MIN_RAM || ram_bytes > VM_MAX_RAM ||
		!own_pages)
		return -EINVAL;
	pthread_rwlock_init(&m->lock, NULL);
	pthread_mutex_init(&m->gate, NULL);
	m->ops = ops;
	m->opaque = opaque;
	m->ram_bytes = ram_bytes;
	m->size = ram_bytes + VM_SPECIAL_SIZE;
	m->extra = calloc(MEM_EXTRA_MAX, sizeof(*m->extra));
	rc = m->extra ? ram_make(m) : -ENOMEM;
	if (rc == 0)
		rc = own_make(m, own_pages);
	if (rc == 0)
		rc = slots_add(m);
	if (rc < 0)
		mem_fini(m);
	return rc;
}

/*
 * Others have pages of the memfd mapped, which keeps all of it in memory: the rest is
 * given back page by page. It stays open, for who is just about to map what it has
 * located.
 */
static void ram_keep_pinned(struct vm_memory *m)
{
	uint64_t nr = m->size / VM_PAGE, start = 0;

	for (uint64_t page = 0; page <= nr; page++) {
		if (page < nr &&
			!__atomic_load_n(&m->frames[page].pins, __ATOMIC_RELAXED))
			continue;
		if (page > start)
			(void)fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				start * VM_PAGE, (page - start) * VM_PAGE);
		start = page + 1;
	}
}

static void ram_close(struct vm_memory *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

void mem_drop(struct vm_memory *m)
{
	mem_lock_write(m);
	for (unsigned i = 0; i < m->nr_extra; i++) {
		munmap(m->extra[i].addr, m->extra[i].nr * VM_PAGE);
		munmap(m->extra[i].frames, m->extra[i].nr * sizeof(struct mem_frame));
	}
	m->nr_extra = 0;
	if (m->frames && __atomic_load_n(&m->pinned, __ATOMIC_RELAXED))
		ram_keep_pinned(m);
	else
		ram_close(m);
	if (m->frames)
		munmap(m->frames, m->size / VM_PAGE * sizeof(*m->frames));
	m->frames = NULL;
	if (m->map)
		munmap(m->map, m->map_size);
	if (m->second)
		munmap(m->second, m->size);
	m->map = m->base = m->second = NULL;
	mem_uncharge(m, m->exchanged);
	m->lent = 0;
	mem_unlock_write(m);
}

void mem_fini(struct vm_memory *m)
{
	mem_drop(m);
	ram_close(m);
	free(m->extra);
	if (m->own)
		munmap(m->own, m->own_pages * VM_PAGE);
	free(m->own_gfn);
	if (m->own_fd >= 0)
		close(m->own_fd);
	pthread_mutex_destroy(&m->gate);
	pthread_rwlock_destroy(&m->lock);
}

uint32_t mem_lent(struct vm_memory *m)
{
	uint32_t lent;

	mem_lock_read(m);
	lent = m->lent;
	mem_unlock_read(m);
	return lent;
}

uint64_t mem_own_gfn(struct vm_memory *m, uint32_t index)
{
	uint64_t gfn = MEM_NO_GFN;

	mem_lock_read(m);
	if (index < m->own_pages)
		gfn = m->own_gfn[index];
	mem_unlock_read(m);
	return gfn;
}

void *mem_own(struct vm_memory *m, uint32_t index)
{
	return index < m->own_pages ? m->own + index * VM_PAGE : NULL;
}

/* Shrinks [@start, @end) around @gpa until it has nothing of [@from, @to). */
static void range_avoid(
	uint64_t gpa, uint64_t *start, uint64_t *end, uint64_t from, uint64_t to)
{
	if (to <= gpa && to > *start)
		*start = to;
	if (from > gpa && from < *end)
		*end = from;
}

int mem_extra_add(struct vm_memory *m, uint64_t gfn)
{
	uint64_t low = m->ram_bytes < VM_LOW_RAM_MAX ? m->ram_bytes : VM_LOW_RAM_MAX;
	uint64_t high = VM_HIGH_RAM + m->ram_bytes - low;
	uint64_t gpa, start, end;
	struct mem_extra x = { 0 };
	int rc;

	if (!m->base || gfn >= EXTRA_END / VM_PAGE)
		return -EINVAL;
	gpa = gfn * VM_PAGE;
	if (gpa >= NO_EXTRA && gpa < VM_HIGH_RAM)
		return -EINVAL;
	if (m->nr_extra == MEM_EXTRA_MAX)
		return -ENOSPC;
	start = gpa & ~(MEM_EXTRA_BYTES - 1);
	end = start + MEM_EXTRA_BYTES;
	range_avoid(gpa, &start, &end, 0, low);
	range_avoid(gpa, &start, &end, NO_EXTRA, VM_HIGH_RAM);
	range_avoid(gpa, &start, &end, VM_HIGH_RAM, high);
	x.gfn = start / VM_PAGE;
	x.nr = (end - start) / VM_PAGE;
	x.frames = lazy_alloc(x.nr * sizeof(*x.frames));
	if (!x.frames)
		return -ENOMEM;
	/* Where nothing was placed there is nothing to be had, not even zeroes. */
	x.addr = mmap(NULL, end - start, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	rc = x.addr == MAP_FAILED
		     ? -ENOMEM
		     : m->ops->slot_add(m->opaque, start, end - start, x.addr);
	if (rc < 0) {
		if (x.addr != MAP_FAILED)
			munmap(x.addr, end - start);
		munmap(x.frames, x.nr * sizeof(*x.frames));
		return rc;
	}
	m->extra[m->nr_extra++] = x;
	return 0;
}

enum mem_kind mem_kind(struct vm_memory *m, uint64_t gfn)
{
	enum mem_kind kind = MEM_NONE;
	struct mem_at at;

	mem_lock_read(m);
	if (mem_find(m, gfn, &at))
		kind = mem_at_kind(&at);
	mem_unlock_read(m);
	return kind;
}

/* The address of the page at @gfn, or NULL. With the lock held. */
static uint8_t *page_addr(struct vm_memory *m, uint64_t gfn, bool write)
{
	struct mem_at at;

	if (!mem_find(m, gfn, &at) || mem_at_kind(&at) == MEM_NONE)
		return NULL;
	return write && at.frame->readonly ? NULL : at.addr;
}

/* Calls for each page that [@gpa, +@len) touches. */
static int mem_access(
	struct vm_memory *m, uint64_t gpa, void *buf, size_t len, bool write)
{
	uint8_t *p = buf;
	int rc = 0;

	mem_lock_read(m);
	/* Nothing stands at the last page of all, so that no address wraps unnoticed. */
	while (len) {
		size_t in = gpa % VM_PAGE;
		size_t n = len < VM_PAGE - in ? len : VM_PAGE - in;
		uint8_t *page = page_addr(m, gpa / VM_PAGE, write);

		if (!page) {
			rc = -EFAULT;
			break;
		}
		if (write)
			memcpy(page + in, p, n);
		else
			memcpy(p, page + in, n);
		gpa += n;
		p += n;
		len -= n;
	}
	mem_unlock_read(m);
	return rc;
}

int mem_read(struct vm_memory *m, uint64_t gpa, void *to, size_t len)
{
	return mem_access(m, gpa, to, len, false);
}

int mem_write(struct vm_memory *m, uint64_t gpa, const void *from, size_t len)
{
	return mem_access(m, gpa, (void *)(uintptr_t)from, len, true);
}

void *mem_hold(struct vm_memory *m, uint64_t gfn, bool write)
{
	void *page;

	mem_lock_read(m);
	page = page_addr(m, gfn, write);
	if (!page)
		mem_unlock_read(m);
	return page;
}

void mem_release(struct vm_memory *m)
{
	mem_unlock_read(m);
}

/* One more pin, unless there are as many as can be counted. */
static bool pin_take(struct vm_memory *m, struct mem_frame *f)
{
	uint16_t pins = __atomic_load_n(&f->pins, __ATOMIC_RELAXED);

	do {
		if (pins == UINT16_MAX)
			return false;
	} while (!__atomic_compare_exchange_n(
		&f->pins, &pins, pins + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	__atomic_add_fetch(&m->pinned, 1, __ATOMIC_RELAXED);
	return true;
}

void *mem_pin(struct vm_memory *m, uint64_t gfn)
{
	void *page = NULL;
	struct mem_at at;

	mem_lock_read(m);
	if (mem_find(m, gfn, &at)) {
		enum mem_kind kind = mem_at_kind(&at);

		if ((kind == MEM_RAM || kind == MEM_SPECIAL) && pin_take(m, at.frame))
			page = at.addr;
	}
	mem_unlock_read(m);
	return page;
}

int mem_locate(struct vm_memory *m, uint64_t gfn, uint64_t *offset)
{
	int rc = -ENOENT;
	struct mem_at at;

	mem_lock_read(m);
	if (mem_find(m, gfn, &at) && mem_at_kind(&at) == MEM_RAM)
		rc = pin_take(m, at.frame) ? 0 : -EOVERFLOW;
	mem_unlock_read(m);
	if (rc == 0)
		*offset = at.offset;
	return rc;
}

void mem_unpin(struct vm_memory *m, uint64_t gfn)
{
	struct mem_at at;

	mem_lock_read(m);
	if (mem_find(m, gfn, &at)) {
		__atomic_sub_fetch(&at.frame->pins, 1, __ATOMIC_RELAXED);
		__atomic_sub_fetch(&m->pinned, 1, __ATOMIC_RELAXED);
	}
	mem_unlock_read(m);
}

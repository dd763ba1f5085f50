// SPDX-License-Identifier: MIT
/*
 * A ring of bytes in which each frame lies in one piece. Where the largest would not fit
 * before the end the ring goes on at the start. An empty one begins anew, so that a guest
 * that keeps up has its frames in the same few cache lines.
 *
 * A frame begins on a page unless it ends on the page where it would begin: Xen copies by pages,
 * ours as well as the guest's, and a page of a large frame is one copy then, not two.
 */
#include "config.h"
#include "backends/net/backlog.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define BACKLOG_ALIGN 64u
#define BACKLOG_HEAD \
	((sizeof(struct backlog_entry) + FRAME_HEADROOM + BACKLOG_ALIGN - 1) & ~(size_t)(BACKLOG_ALIGN - 1))
/* Of the largest frame. */
#define BACKLOG_STEP \
	(BACKLOG_HEAD + NETIF_PAGE_SIZE + ((BACKLOG_ROOM + BACKLOG_ALIGN) & ~(BACKLOG_ALIGN - 1)))
/* Full with one frame less than that, what the end may waste, and what is reserved. */
#define BACKLOG_MEMORY (BACKLOG_BYTES + 4 * BACKLOG_STEP)

int backlog_init(struct backlog *b)
{
	void *memory = mmap(NULL, BACKLOG_MEMORY, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*b = (struct backlog){ .memory = NULL };
	if (memory == MAP_FAILED)
		return -ENOMEM;
	b->memory = memory;
	return 0;
}

size_t backlog_memory(void)
{
	return (BACKLOG_MEMORY + 4095) & ~(size_t)4095;
}

void backlog_init_at(struct backlog *b, void *memory)
{
	*b = (struct backlog){ .memory = memory, .lent = true };
}

void backlog_dispose(struct backlog *b)
{
	if (b->memory && !b->lent)
		munmap(b->memory, BACKLOG_MEMORY);
	*b = (struct backlog){ .memory = NULL };
}

static struct backlog_entry *backlog_at(struct backlog *b, size_t offset)
{
	return (struct backlog_entry *)(b->memory + offset);
}

bool backlog_is_full(const struct backlog *b)
{
	return b->bytes >= BACKLOG_BYTES;
}

/* The tail, moved to the start where what is to come may not fit before the end. */
static struct backlog_entry *backlog_tail(struct backlog *b)
{
	/* Behind the last entry there is always room for this mark. */
	if (b->tail + 2 * BACKLOG_STEP > BACKLOG_MEMORY) {
		backlog_at(b, b->tail)->skip = true;
		b->tail = 0;
	}
	return backlog_at(b, b->tail);
}

/* Where the data of an entry goes whose frame has @len bytes. */
static uint8_t *backlog_data(struct backlog *b, struct backlog_entry *e, uint32_t len)
{
	uint8_t *data = (uint8_t *)e + BACKLOG_HEAD;
	size_t on_page = (size_t)(data - b->memory) % NETIF_PAGE_SIZE;

	return on_page && on_page + len > NETIF_PAGE_SIZE ? data + NETIF_PAGE_SIZE - on_page : data;
}

static struct frame *backlog_make(struct backlog *b, uint32_t len)
{
	struct backlog_entry *e;

	if (backlog_is_full(b))
		return NULL;
	e = backlog_tail(b);
	memset(e, 0, sizeof(*e));
	e->frame.data = backlog_data(b, e, len);
	e->frame.room = BACKLOG_ROOM;
	return &e->frame;
}

/* It is likely to be as large as the last. */
struct frame *backlog_reserve(struct backlog *b)
{
	return backlog_make(b, b->last_len);
}

void backlog_commit(struct backlog *b, uint64_t now_ns)
{
	struct backlog_entry *e = backlog_at(b, b->tail);

	e->since_ns = now_ns;
	e->size = (uint32_t)(e->frame.data - (uint8_t *)e) +
		((e->frame.len + BACKLOG_ALIGN - 1) & ~(BACKLOG_ALIGN - 1));
	b->last_len = e->frame.len;
	b->tail += e->size;
	b->bytes += e->size;
	b->count++;
}

bool backlog_copy(struct backlog *b, const struct frame *frame, uint64_t now_ns)
{
	struct frame *to = backlog_make(b, frame->len);
	uint8_t *data;

	if (!to)
		return false;
	data = to->data;
	*to = *frame;
	to->data = data;
	to->room = BACKLOG_ROOM;
	memcpy(data, frame->data, frame->len);
	backlog_commit(b, now_ns);
	return true;
}

struct backlog_entry *backlog_first(struct backlog *b)
{
	if (!b->count)
		return NULL;
	if (backlog_at(b, b->head)->skip)
		b->head = 0;
	return backlog_at(b, b->head);
}

struct backlog_entry *backlog_next(struct backlog *b, struct backlog_entry *e)
{
	size_t at = (size_t)((uint8_t *)e - b->memory) + e->size;

	/* backlog_reserve() may have moved the tail there already. */
	if (at != b->tail && backlog_at(b, at)->skip)
		at = 0;
	return at == b->tail ? NULL : backlog_at(b, at);
}

void backlog_drop_first(struct backlog *b)
{
	struct backlog_entry *e = backlog_first(b);

	if (!e)
		return;
	b->head += e->size;
	b->bytes -= e->size;
	if (--b->count == 0)
		b->head = b->tail = 0;
}

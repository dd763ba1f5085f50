/* SPDX-License-Identifier: MIT */
/*
 * Frames on their way to a guest, first in, first out, bounded in bytes (XSA-392): of large
 * frames it holds few. Frames are received right into it. One thread, or the caller's lock.
 */
#ifndef SLUICE_BACKENDS_NET_BACKLOG_H
#define SLUICE_BACKENDS_NET_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/net/frame.h"
#include "common/cleanup.h"

/** BACKLOG_BYTES - beyond so many bytes of frames no more is taken in. */
#define BACKLOG_BYTES (512u << 10)
/** BACKLOG_ROOM - that backlog_reserve() gives: the largest frame, and a byte that shows a longer one. */
#define BACKLOG_ROOM (FRAME_MAX + 1u)

/** struct backlog_entry - a frame that waits. */
struct backlog_entry {
	struct frame frame;   /* data points into the backlog */
	uint64_t since_ns;
	uint32_t size;        /* bytes of the entry: where the next begins */
	bool skip;            /* the rest up to the end is unused: the next begins at 0 */
};

/** struct backlog - fields are private. */
struct backlog {
	uint8_t *memory;
	bool lent;            /* the memory is somebody else's */
	size_t head, tail;    /* offsets of the first entry and behind the last */
	uint32_t count;
	size_t bytes;         /* of frames, with what keeping them takes */
	uint32_t last_len;    /* of the last frame that was put in */
};

/** backlog_init() - 0 or -ENOMEM. Memory only where used. */
int backlog_init(struct backlog *b) must_check;
/** backlog_memory() - bytes that backlog_init_at() takes. */
size_t backlog_memory(void);
/** backlog_init_at() - in memory of the caller's, which outlives it, aligned to a page. */
void backlog_init_at(struct backlog *b, void *memory);
/** backlog_dispose() - may run twice. */
void backlog_dispose(struct backlog *b);

static inline bool backlog_is_empty(const struct backlog *b)
{
	return b->count == 0;
}
/** backlog_is_full() - nothing may be reserved. */
bool backlog_is_full(const struct backlog *b);

/** backlog_left() - bytes until then. */
static inline size_t backlog_left(const struct backlog *b)
{
	return b->bytes < BACKLOG_BYTES ? BACKLOG_BYTES - b->bytes : 0;
}

/**
 * backlog_reserve() - room for a frame of any size, with FRAME_HEADROOM before it.
 * Return: the frame, with data and room; it counts for nothing before backlog_commit(), and
 * the next call gives the same. NULL: it is full.
 */
struct frame *backlog_reserve(struct backlog *b);
/** backlog_commit() - what was reserved is a frame now, with its len. */
void backlog_commit(struct backlog *b, uint64_t now_ns);
/** backlog_copy() - put a copy of a frame. False: full. */
bool backlog_copy(struct backlog *b, const struct frame *frame, uint64_t now_ns);

/** backlog_first() - the oldest; NULL: empty. */
struct backlog_entry *backlog_first(struct backlog *b);
/** backlog_next() - the one behind @e; NULL: none. */
struct backlog_entry *backlog_next(struct backlog *b, struct backlog_entry *e);
/** backlog_drop_first() - forget the oldest. */
void backlog_drop_first(struct backlog *b);

#endif

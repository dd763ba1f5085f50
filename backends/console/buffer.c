// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/buffer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int buffer_init(struct buffer *b, size_t size)
{
	*b = (struct buffer){ .data = malloc(size), .size = size };
	return b->data ? 0 : -ENOMEM;
}

void buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){ .data = NULL };
}

static void drop_oldest(struct buffer *b, size_t len)
{
	b->first = (b->first + len) % b->size;
	b->used -= len;
	b->lost += len;
}

void buffer_add(struct buffer *b, const void *from, size_t len)
{
	const char *bytes = from;
	size_t at, piece;

	if (!b->size) {
		b->lost += len;
		return;
	}
	if (len > b->size) {
		b->lost += len - b->size;
		bytes += len - b->size;
		len = b->size;
	}
	if (len > b->size - b->used)
		drop_oldest(b, len - (b->size - b->used));
	at = (b->first + b->used) % b->size;
	piece = len < b->size - at ? len : b->size - at;
	memcpy(b->data + at, bytes, piece);
	memcpy(b->data, bytes + piece, len - piece);
	b->used += len;
}

/* A mark that the reader has seen a part of is finished before a new one is made. */
static void make_mark(struct buffer *b)
{
	b->mark_len = (size_t)snprintf(b->mark, sizeof(b->mark),
		"\r\n[console: %" PRIu64 " bytes lost here]\r\n", b->lost);
	b->mark_used = 0;
	b->lost = 0;
}

size_t buffer_peek(struct buffer *b, const char **at)
{
	if (b->mark_used == b->mark_len && b->lost)
		make_mark(b);
	if (b->mark_used < b->mark_len) {
		*at = b->mark + b->mark_used;
		return b->mark_len - b->mark_used;
	}
	*at = b->data + b->first;
	return b->used < b->size - b->first ? b->used : b->size - b->first;
}

void buffer_consume(struct buffer *b, size_t len)
{
	if (b->mark_used < b->mark_len) {
		b->mark_used += len;
		return;
	}
	b->first = b->used == len ? 0 : (b->first + len) % b->size;
	b->used -= len;
}

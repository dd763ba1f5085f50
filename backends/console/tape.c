// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/tape.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a character in UTF-8 behind its first. */
#define UTF8_REST 3u

static bool is_rest(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

static char byte_at(const struct tape *t, uint64_t at)
{
	return t->data[at % t->size];
}

uint64_t tape_first(const struct tape *t)
{
	uint64_t first = t->end > t->size ? t->end - t->size : 0;

	return first > t->begin ? first : t->begin;
}

void tape_add(struct tape *t, const void *from, size_t len)
{
	const char *bytes = from;
	size_t keep = len < t->size ? len : t->size;
	size_t at, piece;

	if (keep) {
		bytes += len - keep;
		at = (t->end + len - keep) % t->size;
		piece = keep < t->size - at ? keep : t->size - at;
		memcpy(t->data + at, bytes, piece);
		memcpy(t->data, bytes + piece, keep - piece);
	}
	t->end += len;
}

/* The first place from @at on where a character can begin. */
static uint64_t skip_rest(const struct tape *t, uint64_t at)
{
	for (unsigned i = 0; i < UTF8_REST && at < t->end && is_rest(byte_at(t, at)); i++)
		at++;
	return at;
}

static uint64_t next_line(const struct tape *t, uint64_t from)
{
	if (from > tape_first(t) && byte_at(t, from - 1) == '\n')
		return from;
	for (uint64_t at = from; at + 1 < t->end; at++)
		if (byte_at(t, at) == '\n')
			return at + 1;
	return skip_rest(t, from);
}

void tape_reader_start(struct tape_reader *r, const struct tape *t, size_t replay)
{
	uint64_t first = tape_first(t);

	*r = (struct tape_reader){ .tape = t, .at = first };
	if (t->end - first > replay)
		r->at = t->end - replay;
	if (r->at && r->at < t->end)
		r->at = next_line(t, r->at);
}

/* The reader is behind the tape: it goes on at its first byte, with a mark. */
static void make_mark(struct tape_reader *r)
{
	uint64_t at = skip_rest(r->tape, tape_first(r->tape)), lost = at - r->at;
	int n = snprintf(r->extra, sizeof(r->extra), "\r\n[console: %" PRIu64 " bytes lost here]\r\n", lost);

	r->extra_used = 0;
	r->extra_len = (size_t)n;
	r->at = at;
	r->lost += lost;
}

size_t tape_peek(struct tape_reader *r, const char **at)
{
	const struct tape *t = r->tape;
	size_t offset, used;

	/* A mark that the reader has seen a part of is finished before a new one is made. */
	if (r->extra_used == r->extra_len && r->at < tape_first(t))
		make_mark(r);
	if (r->extra_used < r->extra_len) {
		*at = r->extra + r->extra_used;
		return r->extra_len - r->extra_used;
	}
	if (r->at >= t->end)
		return 0;
	offset = r->at % t->size;
	used = t->end - r->at;
	*at = t->data + offset;
	return used < t->size - offset ? used : t->size - offset;
}

/* What is left of a character that was cut: kept here, where the tape cannot lose it. */
static void keep_rest(struct tape_reader *r)
{
	r->extra_used = r->extra_len = 0;
	while (r->extra_len < UTF8_REST && r->at < r->tape->end && is_rest(byte_at(r->tape, r->at)))
		r->extra[r->extra_len++] = byte_at(r->tape, r->at++);
}

void tape_consume(struct tape_reader *r, size_t len)
{
	if (r->extra_used < r->extra_len) {
		r->extra_used += len;
		return;
	}
	r->at += len;
	keep_rest(r);
}

bool tape_reader_say(struct tape_reader *r, const char *text)
{
	size_t len = strlen(text);

	if (r->extra_used < r->extra_len || len > sizeof(r->extra))
		return false;
	memcpy(r->extra, text, len);
	r->extra_used = 0;
	r->extra_len = len;
	return true;
}

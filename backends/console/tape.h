/* SPDX-License-Identifier: MIT */
/*
 * The last bytes of a guest's output, and readers of it. All readers share the bytes and have a
 * place each, so a slow one costs nothing: when the tape has run past it, it misses what
 * is gone and sees a mark in its place. Nobody's reading holds up the guest. Pure.
 */
#ifndef SLUICE_BACKENDS_CONSOLE_TAPE_H
#define SLUICE_BACKENDS_CONSOLE_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/** TAPE_MARK_MAX - the longest mark, with what is left of a character before it. */
#define TAPE_MARK_MAX 72u

/** struct tape - @data is the owner's; all zero is a tape that keeps nothing. */
struct tape {
	char *data;
	size_t size;
	uint64_t end;   /* bytes that were ever added; the last @size of them are there */
	uint64_t begin; /* none before this one, though there were room */
};

/** struct tape_reader - one reader's place. */
struct tape_reader {
	const struct tape *tape;
	uint64_t at;
	uint64_t lost; /* bytes that it missed, in all */
	char extra[TAPE_MARK_MAX]; /* goes before what is at @at: a mark, the rest of a character */
	size_t extra_used, extra_len;
};

/** tape_add() - append; the oldest bytes go where it does not fit. */
void tape_add(struct tape *t, const void *from, size_t len);
/** tape_first() - the oldest byte that is there. */
uint64_t tape_first(const struct tape *t);

/**
 * tape_reader_start() - begin at most @replay bytes before the end: where older ones are gone
 * or left out, at the beginning of a line if there is one, and of a character in any case.
 */
void tape_reader_start(struct tape_reader *r, const struct tape *t, size_t replay);
/**
 * tape_peek() - the next bytes in one piece, until tape_consume() or tape_add(). A character in
 * UTF-8 of which the reader has a part is completed before a mark, and none begins with its middle
 * after one.
 *
 * Return: how many; 0: it has seen all.
 */
size_t tape_peek(struct tape_reader *r, const char **at);
/** tape_consume() - @len bytes of what tape_peek() showed have been read. */
void tape_consume(struct tape_reader *r, size_t len);

/**
 * tape_reader_say() - a line of ours for this reader, before what it reads next; at most
 * TAPE_MARK_MAX bytes. False: it is in the middle of another one.
 */
bool tape_reader_say(struct tape_reader *r, const char *text);

#endif

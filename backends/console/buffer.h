/* SPDX-License-Identifier: MIT */
/*
 * What waits for one reader of a console: bounded; a reader that is too slow loses the
 * oldest bytes and sees a mark in their place. Pure.
 */
#ifndef SLUICE_BACKENDS_CONSOLE_BUFFER_H
#define SLUICE_BACKENDS_CONSOLE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/** BUFFER_MARK_MAX - the longest mark, with its NUL. */
#define BUFFER_MARK_MAX 64u

/** struct buffer - all zero is an empty buffer of size 0. */
struct buffer {
	char *data;
	size_t size;
	size_t first;
	size_t used;
	uint64_t lost;  /* bytes dropped since the last mark */
	char mark[BUFFER_MARK_MAX];
	size_t mark_used, mark_len; /* of a mark being read */
};

/** buffer_init() - 0 or -ENOMEM. */
int buffer_init(struct buffer *b, size_t size) must_check;
void buffer_free(struct buffer *b);
/** buffer_add() - append; the oldest bytes go where it does not fit. */
void buffer_add(struct buffer *b, const void *from, size_t len);
/**
 * buffer_peek() - the next bytes in one piece, until buffer_consume() or buffer_add().
 * Return: how many; 0: it is empty.
 */
size_t buffer_peek(struct buffer *b, const char **at);
/** buffer_consume() - @len bytes of what buffer_peek() showed have been read. */
void buffer_consume(struct buffer *b, size_t len);

#endif

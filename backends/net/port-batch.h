/* SPDX-License-Identifier: MIT */
/*
 * Many frames written to a tap, or read from it, in one system call, by an io_uring that is
 * restricted to that. On Linux 6.18 writing takes 0.7 of the time that as many calls of write(2)
 * take (frames of 64 and 1514 bytes that nobody receives). Where there is no io_uring, these are
 * what is done.
 */
#ifndef SLUICE_BACKENDS_NET_PORT_BATCH_H
#define SLUICE_BACKENDS_NET_PORT_BATCH_H

#include <stdbool.h>

#include <liburing.h>

#include "backends/net/frame.h"

/** BATCH_FRAMES - most frames of a system call. */
#define BATCH_FRAMES 64u

/** struct batch - of one queue, used by its thread. */
struct batch {
	int fd;      /* the caller's, without waiting */
	bool ringed; /* ring is there, and does it */
	bool reads;  /* it reads, too */
	struct io_uring ring;
};

/** batch_open() - for the descriptor @fd; before the process is confined. Never fails. */
void batch_open(struct batch *b, int fd);
/** batch_close() - leaves the descriptor open. */
void batch_close(struct batch *b);

/**
 * batch_write() - write @n frames, each with @before bytes before its data, in their order.
 *
 * Return: how many were taken or refused one by one, which is all but those after a queue that
 * was full; @error is the last refusal's positive number, 0: none.
 */
unsigned batch_write(struct batch *b, const struct frame *frames, unsigned n, unsigned before, int *error);

/**
 * batch_read() - read up to @n frames, each with @before bytes before its data.
 * @result: of each bytes, those before its data included, or -errno; -EAGAIN: none waits
 *
 * Frames that came after the first -EAGAIN are in their places all the same. Return: how many
 * results there are, BATCH_FRAMES at most; 0: the ring cannot do it.
 */
unsigned batch_read(struct batch *b, const struct frame *frames, unsigned n, unsigned before, int *result);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Many frames written to a tap in one system call, by an io_uring that is restricted to writes.
 * On Linux 6.18 that takes 0.7 of the time that as many calls of write(2) take (frames of 64 and
 * 1514 bytes that nobody receives). Where there is no io_uring, these are what is done.
 */
#ifndef SLUICE_BACKENDS_NET_PORT_BATCH_H
#define SLUICE_BACKENDS_NET_PORT_BATCH_H

#include <stdbool.h>

#include <liburing.h>

#include "backends/net/frame.h"

/** struct batch - of one queue, used by its thread. */
struct batch {
	int fd;      /* the caller's, without waiting */
	bool ringed; /* ring is there, and does it */
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

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The daemon's own word with a format server: flush. A server's exit does not tell whether what it
 * still had reached the image (qemu-nbd says so to a human at most, and the page cache to nobody),
 * and of an adopted server's exit nothing is known at all; the answer to a flush does.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_FORMAT_FLUSH_H
#define SLUICE_DRIVERS_DOMAIN_FORMAT_FLUSH_H

#include "common/cleanup.h"

struct format_flush;
struct loop;

/**
 * format_flush_start() - ask the server on the Unix socket @socket to flush its first export.
 * @done: called once, from the loop: 0, or -errno: what the server answered, -EPROTO for nonsense,
 *	-ECONNRESET when it ended meanwhile. It may call format_flush_stop().
 *
 * There is no time limit: the caller has one, and calls format_flush_stop() then. Return: NULL with
 * errno set when it cannot be asked.
 */
struct format_flush *format_flush_start(struct loop *loop, const char *socket,
	void (*done)(void *opaque, int rc), void *opaque);
/** format_flush_stop() - forget it and free; NULL is fine. */
void format_flush_stop(struct format_flush *q);

#endif

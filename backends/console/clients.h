/* SPDX-License-Identifier: MIT */
/*
 * The clients of a console's Unix sockets: all read, one of them writes.
 *
 * At PATH a connection is the console, byte for byte, as socat and nc like it; whoever types
 * first has the keyboard until it leaves. At PATH.ctl a connection says first what it
 * wants: see ctl.h.
 */
#ifndef SLUICE_BACKENDS_CONSOLE_CLIENTS_H
#define SLUICE_BACKENDS_CONSOLE_CLIENTS_H

#include <stddef.h>

#include "backends/console/tape.h"
#include "common/cleanup.h"
#include "common/loop.h"

/** CLIENTS_MAX - at a time; the next one is told so and sent away. */
#define CLIENTS_MAX 32u

/** struct clients_ops - called from the loop. */
struct clients_ops {
	/** @room: how many bytes of input the console takes now. */
	size_t (*room)(void *opaque);
	/** @input: at most as much as room() allowed. */
	void (*input)(void *opaque, const char *data, size_t len);
	/** @window: the size of the writer's window. */
	void (*window)(void *opaque, unsigned short cols, unsigned short rows);
	/** @status: further lines of a name and a value. */
	void (*status)(void *opaque, char *text, size_t room);
};

struct clients;

/**
 * clients_open() - listen at @path and @path.ctl, mode 0600. A socket that a dead process
 * left there is replaced.
 * @replay: how much of the tape a new client is shown, at most
 *
 * Return: NULL with errno set (EADDRINUSE: somebody listens there).
 */
struct clients *clients_open(struct loop *loop, const char *path, const struct tape *tape,
	size_t replay, const struct clients_ops *ops, void *opaque);
/** clients_pump() - there is more on the tape. NULL is fine, as for all below. */
void clients_pump(struct clients *cs);
/** clients_resume() - the console has room for input. */
void clients_resume(struct clients *cs);
/** clients_flush() - give them up to @ms to take what they have not read. */
void clients_flush(struct clients *cs, unsigned ms);
/** clients_close() - hang up, and remove the sockets. */
void clients_close(struct clients *cs);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * One reader and writer of a console: a terminal, a pty, a socket's client, the log. Reading the
 * guest's bytes never waits for it: it has its place on the console's tape, and takes its time.
 */
#ifndef SLUICE_BACKENDS_CONSOLE_ENDPOINT_H
#define SLUICE_BACKENDS_CONSOLE_ENDPOINT_H

#include <stdbool.h>

#include "backends/console/tape.h"
#include "common/cleanup.h"
#include "common/loop.h"

/** struct endpoint_ops - called from the loop. */
struct endpoint_ops {
	/** @room: how many bytes of input the console takes now. */
	size_t (*room)(void *opaque);
	/** @input: at most as much as room() allowed. */
	void (*input)(void *opaque, const char *data, size_t len);
	/** @gone: the reader hung up or failed. It is detached, and not to be attached in here. */
	void (*gone)(void *opaque, int error);
};

struct endpoint {
	struct loop *loop;
	const struct endpoint_ops *ops;
	void *opaque;
	struct tape_reader reader;
	int in_fd, out_fd;     /* own descriptors, -1: none */
	bool out_socket;       /* take MSG_DONTWAIT */
	bool out_may_wait;     /* blocking, and not ours to change: ask first, write little */
	bool in_ended;         /* a socket's client that will write no more, and reads on */
	struct loop_source *in, *out;
};

/** endpoint_init() - nobody is attached yet. */
void endpoint_init(struct endpoint *e, struct loop *loop, const struct endpoint_ops *ops,
	void *opaque);
/**
 * endpoint_attach() - read from @in_fd and write to @out_fd, duplicates of which are used.
 * @tape: what to read; @replay: how much of what was before it begins with, at most
 *
 * They may be files of any kind, and each may be -1. Return: 0 or -errno.
 */
int endpoint_attach(struct endpoint *e, int in_fd, int out_fd, const struct tape *tape,
	size_t replay) must_check;
/** endpoint_detach() - let go of its descriptors. */
void endpoint_detach(struct endpoint *e);
/** endpoint_is_attached() - there is somebody. */
static inline bool endpoint_is_attached(const struct endpoint *e)
{
	return e->in_fd >= 0 || e->out_fd >= 0;
}
/** endpoint_pump() - there is more on the tape. */
void endpoint_pump(struct endpoint *e);
/** endpoint_resume() - the console has room for input again. */
void endpoint_resume(struct endpoint *e);
/** endpoint_is_behind() - there is something on the tape that its reader has not taken. */
bool endpoint_is_behind(struct endpoint *e);
/** endpoint_flush() - give the reader up to @ms to take what waits. */
void endpoint_flush(struct endpoint *e, unsigned ms);

#endif

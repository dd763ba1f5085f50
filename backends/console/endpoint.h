/* SPDX-License-Identifier: MIT */
/*
 * One reader and writer of a console: a terminal, a pty, a socket's client. Reading the
 * guest's bytes never waits for it: what it does not take is kept in a bounded buffer.
 */
#ifndef SLUICE_BACKENDS_CONSOLE_ENDPOINT_H
#define SLUICE_BACKENDS_CONSOLE_ENDPOINT_H

#include <stdbool.h>

#include "backends/console/buffer.h"
#include "common/cleanup.h"
#include "common/loop.h"

/** ENDPOINT_BUFFER - bytes kept for a slow reader, or for one that is still to come. */
#define ENDPOINT_BUFFER 65536u

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
	struct buffer buffer;
	int in_fd, out_fd;     /* own descriptors, -1: none */
	bool out_socket;       /* take MSG_DONTWAIT */
	bool out_may_wait;     /* blocking, and not ours to change: ask first, write little */
	struct loop_source *in, *out;
};

/** endpoint_init() - nobody is attached yet. 0 or -ENOMEM. */
int endpoint_init(struct endpoint *e, struct loop *loop, const struct endpoint_ops *ops,
	void *opaque) must_check;
/**
 * endpoint_attach() - read from @in_fd and write to @out_fd, duplicates of which are used.
 * They may be files of any kind, and each may be -1. What waits in the buffer goes first.
 * Return: 0 or -errno.
 */
int endpoint_attach(struct endpoint *e, int in_fd, int out_fd) must_check;
/** endpoint_detach() - the buffer stays. */
void endpoint_detach(struct endpoint *e);
/** endpoint_add() - the guest's bytes for the reader. */
void endpoint_add(struct endpoint *e, const char *data, size_t len);
/** endpoint_resume() - the console has room for input again. */
void endpoint_resume(struct endpoint *e);
/** endpoint_flush() - give the reader up to @ms to take what waits. */
void endpoint_flush(struct endpoint *e, unsigned ms);
void endpoint_free(struct endpoint *e);

#endif

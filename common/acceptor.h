/* SPDX-License-Identifier: MIT */
/*
 * A listening socket in a loop. Without descriptors accept() fails again at once, and the loop
 * would spin: then it looks away for a while, and who connects waits.
 */
#ifndef SLUICE_COMMON_ACCEPTOR_H
#define SLUICE_COMMON_ACCEPTOR_H

#include <stdbool.h>

#include "common/log.h"

struct loop;
struct loop_source;

/** struct acceptor - all zero: closed. */
struct acceptor {
	struct loop *loop;
	int fd;
	struct loop_source *source, *rest;
	bool full;              /* as the owner says */
	struct log_limit limit; /* its own: others do not silence it */
	char what[40];
	void (*fn)(void *opaque, int fd);
	void *opaque;
};

/**
 * acceptor_open() - call @fn with each connection, nonblocking and @fn's to close.
 * @fd: listens, nonblocking; stays the caller's, who calls acceptor_close() before closing it
 * @what: for the log, as "domain 3"; copied
 *
 * Return: 0 or -errno.
 */
int acceptor_open(struct acceptor *a, struct loop *loop, int fd, const char *what,
	void (*fn)(void *opaque, int fd), void *opaque) must_check;
/** acceptor_set_full() - with @full who connects waits, until there is a place again. */
void acceptor_set_full(struct acceptor *a, bool full);
/** acceptor_close() - one that was never opened is fine. */
void acceptor_close(struct acceptor *a);

#endif

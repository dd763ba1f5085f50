// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/acceptor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/loop.h"

#define ACCEPTOR_REST_MS 200u

static void update(struct acceptor *a)
{
	(void)loop_set_events(a->source, a->full || a->rest ? 0 : EPOLLIN); /* of a descriptor that is watched */
}

static void on_rested(void *opaque)
{
	struct acceptor *a = opaque;

	a->rest = NULL;
	update(a);
}

static void rest(struct acceptor *a, int error)
{
	if (log_limit_ok(&a->limit))
		log_err("%s: cannot accept a connection, it must wait: %s; raise the limit of open files",
			a->what, strerror(error));
	if (!a->rest)
		a->rest = loop_add_timer(a->loop, ACCEPTOR_REST_MS, on_rested, a);
	update(a);
}

static void on_connection(void *opaque, uint32_t events)
{
	struct acceptor *a = opaque;
	int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		a->fn(a->opaque, fd);
	else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		rest(a, errno);
}

int acceptor_open(struct acceptor *a, struct loop *loop, int fd, const char *what,
	void (*fn)(void *opaque, int fd), void *opaque)
{
	*a = (struct acceptor){ .loop = loop, .fd = fd, .fn = fn, .opaque = opaque,
		.limit = { .burst = 5, .interval_ms = 10000 } };
	snprintf(a->what, sizeof(a->what), "%s", what);
	a->source = loop_add_fd(loop, fd, EPOLLIN, on_connection, a);
	return a->source ? 0 : -errno;
}

void acceptor_set_full(struct acceptor *a, bool full)
{
	if (a->full == full)
		return;
	a->full = full;
	update(a);
}

void acceptor_close(struct acceptor *a)
{
	loop_remove(a->rest);
	loop_remove(a->source);
	a->source = a->rest = NULL;
}

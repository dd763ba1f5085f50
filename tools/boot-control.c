// SPDX-License-Identifier: MIT
/* Clients of a run's control socket: one request of text, one reply. */
#include "config.h"
#include "tools/boot.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/acceptor.h"
#include "common/loop.h"

/* Clients that ask or wait; they are the user's own. More of them wait for a place. */
#define CONTROL_CLIENTS 128u

struct boot_reply {
	struct boot_control *control;
	int fd; /* -1: a free place */
	struct loop_source *source; /* NULL: it has asked and waits for its answer */
};

struct boot_control {
	struct loop *loop;
	struct boot *boot;
	int fd;
	struct acceptor acceptor;
	unsigned busy; /* places in use */
	struct boot_reply clients[CONTROL_CLIENTS];
};

static void client_end(struct boot_reply *c)
{
	if (c->fd < 0)
		return;
	loop_remove(c->source);
	c->source = NULL;
	close(c->fd);
	c->fd = -1;
	c->control->busy--;
	acceptor_set_full(&c->control->acceptor, false);
}

void boot_reply_send(struct boot_reply *c, const char *fmt, ...)
{
	char reply[BOOT_MESSAGE_MAX];
	va_list ap;

	if (!c)
		return;
	va_start(ap, fmt);
	vsnprintf(reply, sizeof(reply), fmt, ap);
	va_end(ap);
	/* A client that went without waiting for its answer has none. */
	(void)send(c->fd, reply, strlen(reply), MSG_DONTWAIT | MSG_NOSIGNAL);
	client_end(c);
}

/* Words that end with a NUL each. */
static void take_request(struct boot_reply *c, char *request, size_t length)
{
	CLEANUP_FREE char **words = NULL;
	unsigned count = 0, n = 0;

	request[length] = '\0';
	for (char *p = request; p < request + length; p += strlen(p) + 1)
		count++;
	words = calloc(count + 1, sizeof(*words));
	for (char *p = request; words && n < count; p += strlen(p) + 1)
		words[n++] = p;
	if (words)
		boot_request(c->control->boot, words, count, c);
	else
		boot_reply_send(c, "out of memory");
}

static void on_request(void *opaque, uint32_t events)
{
	struct boot_reply *c = opaque;
	char request[BOOT_MESSAGE_MAX];
	/* The length of all of it, also if it is cut. */
	ssize_t n = recv(c->fd, request, sizeof(request) - 1, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* One request each. */
	loop_remove(c->source);
	c->source = NULL;
	if (n >= (ssize_t)sizeof(request))
		boot_reply_send(c, BOOT_TOO_LONG, BOOT_MESSAGE_MAX - 1);
	else if (n > 0)
		take_request(c, request, (size_t)n);
	else
		client_end(c);
}

static void on_client(void *opaque, int fd)
{
	struct boot_control *control = opaque;
	struct boot_reply *c = control->clients;

	while (c->fd >= 0)
		c++; /* there is one, or nobody were accepted */
	*c = (struct boot_reply){ .control = control, .fd = fd };
	acceptor_set_full(&control->acceptor, ++control->busy == CONTROL_CLIENTS);
	c->source = loop_add_fd(control->loop, fd, EPOLLIN, on_request, c);
	if (!c->source)
		client_end(c);
}

bool boot_control_is_idle(struct boot_control *control)
{
	struct pollfd p = { .fd = control->fd, .events = POLLIN };

	return !control->busy && poll(&p, 1, 0) == 0;
}

static int listen_at(struct boot_control *control, const char *dir)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if ((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" BOOT_SOCKET, dir) >=
		sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	control->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Nobody but the user has a way to the directory. */
	if (control->fd < 0 || bind(control->fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
		listen(control->fd, 16) < 0)
		return -errno;
	return acceptor_open(&control->acceptor, control->loop, control->fd, "the control socket", on_client,
		control);
}

struct boot_control *boot_control_open(struct loop *loop, const char *dir, struct boot *boot)
{
	struct boot_control *control = calloc(1, sizeof(*control));
	int error;

	if (!control)
		return NULL;
	*control = (struct boot_control){ .loop = loop, .boot = boot, .fd = -1 };
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		control->clients[i].fd = -1;
	error = listen_at(control, dir);
	if (error == 0)
		return control;
	boot_control_close(control);
	errno = -error;
	return NULL;
}

void boot_control_close(struct boot_control *control)
{
	if (!control)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		client_end(&control->clients[i]);
	acceptor_close(&control->acceptor);
	if (control->fd >= 0)
		close(control->fd);
	free(control);
}

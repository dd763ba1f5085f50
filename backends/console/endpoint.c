// SPDX-License-Identifier: MIT
/*
 * Sources are removed and made again, never parked: a parked one would be told of a
 * hang-up over and over.
 */
#include "config.h"
#include "backends/console/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "common/log.h"

/* poll() answers for at least this much of a terminal or a pipe. */
#define SMALL_WRITE 512u

static void endpoint_write(struct endpoint *e);
static void start_input(struct endpoint *e);

static void lose(struct endpoint *e, int error)
{
	endpoint_detach(e);
	e->ops->gone(e->opaque, error);
}

/* --- output ------------------------------------------------------------ */

static ssize_t write_some(struct endpoint *e, const char *at, size_t len)
{
	struct pollfd p = { .fd = e->out_fd, .events = POLLOUT };

	if (e->out_socket)
		return send(e->out_fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (!e->out_may_wait)
		return write(e->out_fd, at, len);
	if (poll(&p, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(e->out_fd, at, len < SMALL_WRITE ? len : SMALL_WRITE);
}

static void on_writable(void *opaque, uint32_t events)
{
	struct endpoint *e = opaque;

	loop_remove(e->out);
	e->out = NULL;
	endpoint_write(e);
}

static void endpoint_write(struct endpoint *e)
{
	const char *at;
	size_t len;
	ssize_t n;

	while (e->out_fd >= 0 && !e->out && (len = tape_peek(&e->reader, &at))) {
		n = write_some(e, at, len);
		if (n > 0) {
			tape_consume(&e->reader, (size_t)n);
		} else if (n == 0 || errno == EAGAIN) {
			e->out = loop_add_fd(e->loop, e->out_fd, EPOLLOUT, on_writable, e);
			if (!e->out)
				lose(e, -errno);
			return;
		} else if (errno != EINTR) {
			lose(e, -errno);
		}
	}
}

void endpoint_pump(struct endpoint *e)
{
	endpoint_write(e);
}

bool endpoint_is_behind(struct endpoint *e)
{
	const char *at;

	return e->out_fd >= 0 && tape_peek(&e->reader, &at);
}

void endpoint_flush(struct endpoint *e, unsigned ms)
{
	struct pollfd p = { .events = POLLOUT };

	for (unsigned waited = 0; e->out_fd >= 0; waited += 10) {
		loop_remove(e->out);
		e->out = NULL;
		endpoint_write(e);
		if (!endpoint_is_behind(e) || waited >= ms)
			return;
		p.fd = e->out_fd;
		(void)poll(&p, 1, 10);
	}
}

/* --- input ------------------------------------------------------------- */

static void on_hangup(void *opaque, uint32_t events)
{
	lose(opaque, 0);
}

/*
 * Its reader may stay: a terminal's, a pipe's, and a client's that only shut its own direction. A
 * socket's tells of its end by a hang-up, which needs no interest to be told.
 */
static bool end_input(struct endpoint *e)
{
	struct pollfd p = { .fd = e->in_fd };

	if (e->out_socket && (poll(&p, 1, 0) < 0 || p.revents & (POLLHUP | POLLERR))) {
		lose(e, 0);
		return false;
	}
	/* Before the descriptor: another one of the same pipe would keep it in the loop. */
	loop_remove(e->in);
	e->in = NULL;
	if (e->out_socket) {
		e->in_ended = true;
		e->in = loop_add_fd(e->loop, e->in_fd, 0, on_hangup, e);
		return true;
	}
	close(e->in_fd);
	e->in_fd = -1;
	return false;
}

/* Read once; false when the source that called is not to be kept. */
static bool read_once(struct endpoint *e)
{
	char bytes[1024];
	size_t room = e->ops->room(e->opaque);
	ssize_t n;

	if (!room)
		return false;
	n = read(e->in_fd, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n > 0) {
		e->ops->input(e->opaque, bytes, (size_t)n);
		return true;
	}
	if (n < 0) {
		lose(e, -errno);
		return false;
	}
	return end_input(e);
}

static void on_readable(void *opaque, uint32_t events)
{
	struct endpoint *e = opaque;

	/* What input() does may have detached us: then e->in is NULL already. */
	if (read_once(e))
		return;
	loop_remove(e->in);
	e->in = NULL;
}

/* Files that epoll does not take are always readable. */
static void on_turn(void *opaque)
{
	struct endpoint *e = opaque;

	e->in = NULL;
	if (read_once(e) && e->in_fd >= 0)
		start_input(e);
}

static void start_input(struct endpoint *e)
{
	if (e->in_fd < 0 || e->in || e->in_ended)
		return;
	e->in = loop_add_fd(e->loop, e->in_fd, EPOLLIN, on_readable, e);
	if (!e->in && errno == EPERM)
		e->in = loop_add_timer(e->loop, 0, on_turn, e);
	if (!e->in)
		log_err("a console's input cannot be awaited: %s", strerror(errno));
}

void endpoint_resume(struct endpoint *e)
{
	start_input(e);
}

/* --- life -------------------------------------------------------------- */

/*
 * Our own non-blocking description of @fd where there can be one: the flag is the
 * description's, which we share with whoever gave it to us.
 */
static int open_output(struct endpoint *e, int fd)
{
	char path[32];
	struct stat sb;

	if (fstat(fd, &sb) < 0)
		return -errno;
	e->out_socket = S_ISSOCK(sb.st_mode);
	e->out_may_wait = false;
	if (S_ISCHR(sb.st_mode) || S_ISFIFO(sb.st_mode)) {
		int flags = fcntl(fd, F_GETFL);

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		/* A pty's master must not be opened again: that would be another pty. */
		if (flags >= 0 && !(flags & O_NONBLOCK))
			e->out_fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		e->out_may_wait = e->out_fd < 0 && !(flags & O_NONBLOCK);
	}
	if (e->out_fd < 0)
		e->out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return e->out_fd < 0 ? -errno : 0;
}

void endpoint_init(struct endpoint *e, struct loop *loop, const struct endpoint_ops *ops,
	void *opaque)
{
	*e = (struct endpoint){ .loop = loop, .ops = ops, .opaque = opaque, .in_fd = -1, .out_fd = -1 };
}

int endpoint_attach(struct endpoint *e, int in_fd, int out_fd, const struct tape *tape, size_t replay)
{
	int error = 0;

	endpoint_detach(e);
	tape_reader_start(&e->reader, tape, replay);
	if (out_fd >= 0)
		error = open_output(e, out_fd);
	if (error == 0 && in_fd >= 0) {
		e->in_fd = fcntl(in_fd, F_DUPFD_CLOEXEC, 3);
		error = e->in_fd < 0 ? -errno : 0;
	}
	if (error < 0) {
		endpoint_detach(e);
		return error;
	}
	start_input(e);
	endpoint_write(e);
	return 0;
}

void endpoint_detach(struct endpoint *e)
{
	loop_remove(e->in);
	loop_remove(e->out);
	e->in = e->out = NULL;
	if (e->in_fd >= 0)
		close(e->in_fd);
	if (e->out_fd >= 0)
		close(e->out_fd);
	e->in_fd = e->out_fd = -1;
	e->in_ended = false;
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/clients.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backends/console/ctl.h"
#include "backends/console/endpoint.h"
#include "common/acceptor.h"
#include "common/log.h"

#define SAY_READ_ONLY "\r\n[console: another client writes; this one only reads]\r\n"
#define SAY_TAKEN "\r\n[console: another client took the keyboard]\r\n"
/* A client that does not say what it wants makes room for others. */
#define CTL_PATIENCE_MS 10000u

struct listener {
	struct clients *cs;
	struct sockaddr_un at;
	int fd;
	struct acceptor acceptor;
	bool control;
};

struct client {
	struct client *next;
	struct clients *cs;
	struct endpoint endpoint;
	bool read_only, told, dead;
	/* Of a control connection that has not said yet what it wants: */
	int ctl_fd;
	struct loop_source *ctl, *patience;
	char line[CTL_LINE_MAX];
	size_t line_len;
};

struct clients {
	struct loop *loop;
	const struct tape *tape;
	size_t replay;
	const struct clients_ops *ops;
	void *opaque;
	struct listener raw, control;
	struct client *list;
	struct client *writer;
	struct loop_source *reaper;
};

/* --- coming and going -------------------------------------------------- */

static void client_stop_asking(struct client *c)
{
	loop_remove(c->ctl);
	loop_remove(c->patience);
	c->ctl = c->patience = NULL;
}

static void client_free(struct client *c)
{
	client_stop_asking(c);
	endpoint_detach(&c->endpoint);
	if (c->ctl_fd >= 0)
		close(c->ctl_fd);
	free(c);
}

static void reap(void *opaque)
{
	struct clients *cs = opaque;
	struct client **p = &cs->list;

	cs->reaper = NULL;
	while (*p) {
		struct client *c = *p;

		if (c->dead) {
			*p = c->next;
			client_free(c);
		} else {
			p = &c->next;
		}
	}
}

/* Freed later: its own functions may be on the stack. */
static void client_end(struct client *c)
{
	struct clients *cs = c->cs;

	c->dead = true;
	client_stop_asking(c);
	if (cs->writer == c)
		cs->writer = NULL;
	if (!cs->reaper)
		cs->reaper = loop_add_timer(cs->loop, 0, reap, cs);
}

/* --- input ------------------------------------------------------------- */

/* One that shut its direction has nothing to type any more. */
static bool has_writer(const struct clients *cs)
{
	return cs->writer && !cs->writer->endpoint.in_ended;
}

static bool may_write(const struct client *c)
{
	return !c->read_only && (c->cs->writer == c || !has_writer(c->cs));
}

static size_t on_room(void *opaque)
{
	struct client *c = opaque;

	/* What will be dropped always has room. */
	return may_write(c) ? c->cs->ops->room(c->cs->opaque) : SIZE_MAX;
}

static void client_say(struct client *c, const char *text)
{
	if (c->told || !tape_reader_say(&c->endpoint.reader, text))
		return;
	c->told = true;
	endpoint_pump(&c->endpoint);
}

static void on_input(void *opaque, const char *data, size_t len)
{
	struct client *c = opaque;

	if (!may_write(c)) {
		client_say(c, SAY_READ_ONLY);
		return;
	}
	c->cs->writer = c;
	c->cs->ops->input(c->cs->opaque, data, len);
}

static void on_gone(void *opaque, int error)
{
	log_debug("a client of the console is gone: %s", strerror(-error));
	client_end(opaque);
}

static const struct endpoint_ops client_ops = { on_room, on_input, on_gone };

static void take_keyboard(struct client *c)
{
	struct client *before = c->cs->writer;

	c->cs->writer = c;
	if (!before || before == c)
		return;
	before->told = false;
	client_say(before, SAY_TAKEN);
	/* It may have waited for room: what it types is dropped from now on. */
	endpoint_resume(&before->endpoint);
}

/* --- the control socket ------------------------------------------------ */

static void answer(int fd, const char *text)
{
	(void)send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void set_window(struct clients *cs, const struct ctl_request *r)
{
	if (r->cols)
		cs->ops->window(cs->opaque, r->cols, r->rows);
}

static void attach(struct client *c, const struct ctl_request *r)
{
	struct clients *cs = c->cs;
	bool writes = !r->read_only && (r->force || !has_writer(cs));
	int error;

	c->read_only = r->read_only;
	if (writes) {
		set_window(cs, r);
		take_keyboard(c);
	}
	answer(c->ctl_fd, writes ? "ok write\n" : "ok read\n");
	client_stop_asking(c);
	error = endpoint_attach(&c->endpoint, c->ctl_fd, c->ctl_fd, cs->tape, cs->replay);
	close(c->ctl_fd);
	c->ctl_fd = -1;
	if (error < 0) {
		log_err("a client cannot be served: %s", strerror(-error));
		client_end(c);
	}
}

static void show_status(struct client *c)
{
	struct clients *cs = c->cs;
	unsigned readers = 0;
	uint64_t lost = 0;
	char text[512];
	int n;

	for (const struct client *i = cs->list; i; i = i->next) {
		readers += endpoint_is_attached(&i->endpoint);
		lost += i->endpoint.reader.lost;
	}
	n = snprintf(text, sizeof(text), "ok\nclients %u\nwriter %s\nmissed %llu\n", readers,
		has_writer(cs) ? "yes" : "no", (unsigned long long)lost);
	cs->ops->status(cs->opaque, text + n, sizeof(text) - (size_t)n);
	answer(c->ctl_fd, text);
}

static void act(struct client *c)
{
	struct ctl_request request;

	if (ctl_parse(c->line, &request) < 0) {
		answer(c->ctl_fd, "this is not understood; see sluice-console(8)\n");
	} else if (request.verb == CTL_ATTACH) {
		attach(c, &request);
		return;
	} else if (request.verb == CTL_WINDOW) {
		set_window(c->cs, &request);
		answer(c->ctl_fd, "ok\n");
	} else {
		show_status(c);
	}
	client_end(c);
}

/* A byte at a time: what follows the line is the console's. */
static void on_control(void *opaque, uint32_t events)
{
	struct client *c = opaque;
	ssize_t n;
	char byte;

	while ((n = read(c->ctl_fd, &byte, 1)) == 1) {
		if (byte == '\n') {
			c->line[c->line_len] = '\0';
			act(c);
			return;
		}
		if (c->line_len + 1 == sizeof(c->line) || !byte) {
			answer(c->ctl_fd, "this is too long\n");
			client_end(c);
			return;
		}
		c->line[c->line_len++] = byte;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		client_end(c);
}

static void on_patience(void *opaque)
{
	struct client *c = opaque;

	c->patience = NULL;
	client_end(c);
}

static int begin_control(struct client *c)
{
	c->ctl = loop_add_fd(c->cs->loop, c->ctl_fd, EPOLLIN, on_control, c);
	c->patience = loop_add_timer(c->cs->loop, CTL_PATIENCE_MS, on_patience, c);
	return c->ctl && c->patience ? 0 : -ENOMEM;
}

/* --- connections ------------------------------------------------------- */

static unsigned count(const struct clients *cs)
{
	unsigned n = 0;

	for (const struct client *c = cs->list; c; c = c->next)
		n += !c->dead;
	return n;
}

static int client_begin(struct client *c, int fd, bool control)
{
	if (!control)
		return endpoint_attach(&c->endpoint, fd, fd, c->cs->tape, c->cs->replay);
	c->ctl_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return c->ctl_fd < 0 ? -errno : begin_control(c);
}

static void serve_client(struct clients *cs, int fd, bool control)
{
	struct client *c = calloc(1, sizeof(*c));
	int error;

	if (!c)
		return;
	*c = (struct client){ .next = cs->list, .cs = cs, .ctl_fd = -1 };
	endpoint_init(&c->endpoint, cs->loop, &client_ops, c);
	cs->list = c;
	error = client_begin(c, fd, control);
	if (error < 0) {
		log_err("a client cannot be served: %s", strerror(-error));
		client_end(c);
	}
}

static void on_accept(void *opaque, int new_fd)
{
	CLEANUP_CLOSE int fd = new_fd;
	struct listener *l = opaque;

	if (count(l->cs) >= CLIENTS_MAX)
		answer(fd, "this console has as many clients as it can have\r\n");
	else
		serve_client(l->cs, fd, l->control);
}

/* --- listening --------------------------------------------------------- */

static bool is_stale(const struct sockaddr_un *at)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat sb;

	return fd >= 0 && lstat(at->sun_path, &sb) == 0 && S_ISSOCK(sb.st_mode) &&
	       connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 && errno == ECONNREFUSED;
}

static int bind_at(int fd, const struct sockaddr_un *at)
{
	mode_t mask = umask(0177);
	int error = bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ? -errno : 0;

	if (error == -EADDRINUSE && is_stale(at) && unlink(at->sun_path) == 0)
		error = bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ? -errno : 0;
	umask(mask);
	return error;
}

static int listener_open(struct clients *cs, struct listener *l, const char *path, bool control)
{
	int error, n;

	l->cs = cs;
	l->control = control;
	l->at.sun_family = AF_UNIX;
	n = snprintf(l->at.sun_path, sizeof(l->at.sun_path), "%s%s", path, control ? ".ctl" : "");
	if (n >= (int)sizeof(l->at.sun_path))
		return -ENAMETOOLONG;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return -errno;
	error = bind_at(l->fd, &l->at);
	if (error < 0) {
		close(l->fd);
		l->fd = -1; /* the name is not ours to remove */
		return error;
	}
	if (listen(l->fd, 8) < 0)
		return -errno;
	return acceptor_open(&l->acceptor, cs->loop, l->fd, "the console's socket", on_accept, l);
}

static void listener_close(struct listener *l)
{
	acceptor_close(&l->acceptor);
	if (l->fd < 0)
		return;
	unlink(l->at.sun_path);
	close(l->fd);
}

/* --- all of them ------------------------------------------------------- */

struct clients *clients_open(struct loop *loop, const char *path, const struct tape *tape,
	size_t replay, const struct clients_ops *ops, void *opaque)
{
	struct clients *cs = calloc(1, sizeof(*cs));
	int error;

	if (!cs)
		return NULL;
	*cs = (struct clients){ .loop = loop, .tape = tape, .replay = replay, .ops = ops,
		.opaque = opaque, .raw = { .fd = -1 }, .control = { .fd = -1 } };
	error = listener_open(cs, &cs->raw, path, false);
	if (error == 0)
		error = listener_open(cs, &cs->control, path, true);
	if (error == 0)
		return cs;
	clients_close(cs);
	errno = -error;
	return NULL;
}

void clients_pump(struct clients *cs)
{
	for (struct client *c = cs ? cs->list : NULL; c; c = c->next)
		endpoint_pump(&c->endpoint);
}

void clients_resume(struct clients *cs)
{
	for (struct client *c = cs ? cs->list : NULL; c; c = c->next)
		endpoint_resume(&c->endpoint);
}

static bool flush_once(struct clients *cs)
{
	bool behind = false;

	for (struct client *c = cs->list; c; c = c->next) {
		endpoint_flush(&c->endpoint, 0);
		behind |= endpoint_is_behind(&c->endpoint);
	}
	return behind;
}

void clients_flush(struct clients *cs, unsigned ms)
{
	for (unsigned waited = 0; cs && flush_once(cs) && waited < ms; waited += 10)
		(void)poll(NULL, 0, 10);
}

void clients_close(struct clients *cs)
{
	if (!cs)
		return;
	loop_remove(cs->reaper);
	while (cs->list) {
		struct client *c = cs->list;

		cs->list = c->next;
		client_free(c);
	}
	listener_close(&cs->raw);
	listener_close(&cs->control);
	free(cs);
}

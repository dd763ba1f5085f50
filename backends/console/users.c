// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "backends/console/clients.h"
#include "backends/console/endpoint.h"
#include "common/confine.h"
#include "common/log.h"
#include "common/tty.h"

/* How long slow readers are waited for at the end, and the log's disk. */
#define FLUSH_MS 300u
#define FLUSH_LOG_MS 2000u

struct users {
	struct loop *loop;
	struct users_options o;
	const struct tape *tape;
	const struct users_ops *ops;
	void *opaque;
	struct endpoint stdio, pty, log;
	struct clients *clients;
	struct log_writer writer;
	bool has_tty;
	char tty[64];
	int pty_master, pty_slave; /* the slave kept open: without one the master fails */
};

/*
 * Clients come to listeners, whose names are removed at the end. What the endpoints open by a
 * name is open.
 */
CONFINE_RULES(console_users, CONFINE_CALL(accept4), CONFINE_CALL(sendto), CONFINE_CALL(fstat),
	CONFINE_CALL(newfstatat), CONFINE_CALL(unlink), CONFINE_CALL(unlinkat),
	CONFINE_CALL_IF(ioctl, 1, TCGETS), CONFINE_CALL_IF(ioctl, 1, TCSETS),
	CONFINE_CALL_IF(ioctl, 1, TCSETSW), CONFINE_CALL_IF(ioctl, 1, TIOCSWINSZ));

/* --- what they type ---------------------------------------------------- */

static size_t on_room(void *opaque)
{
	struct users *u = opaque;

	return u->ops->room(u->opaque);
}

static void on_input(void *opaque, const char *data, size_t len)
{
	struct users *u = opaque;

	u->ops->input(u->opaque, data, len);
}

static void leave_terminal(struct users *u)
{
	endpoint_detach(&u->stdio);
	tty_restore();
	u->has_tty = false;
	fprintf(stderr, "\n[left the console of domain %u%s]\n", u->o.domid,
		u->o.stay ? "; it goes on" : "");
	if (!u->o.stay)
		u->ops->left(u->opaque);
}

static void on_keys(void *opaque, const char *data, size_t len)
{
	struct users *u = opaque;
	const char *escape = u->has_tty ? memchr(data, TTY_ESCAPE, len) : NULL;

	u->ops->input(u->opaque, data, escape ? (size_t)(escape - data) : len);
	if (escape)
		leave_terminal(u);
}

static void on_stdio_gone(void *opaque, int error)
{
	struct users *u = opaque;

	log_info("the reader of the standard output is gone: %s", strerror(-error));
	tty_restore();
	if (!u->o.stay)
		u->ops->left(u->opaque);
}

static void on_pty_gone(void *opaque, int error)
{
	log_err("the pty failed: %s", strerror(-error));
}

static void on_log_gone(void *opaque, int error)
{
	log_err("the log's writer is gone (%s): the console goes on without a log", strerror(-error));
}

static const struct endpoint_ops stdio_ops = { on_room, on_keys, on_stdio_gone };
static const struct endpoint_ops pty_ops = { on_room, on_input, on_pty_gone };
static const struct endpoint_ops log_ops = { on_room, on_input, on_log_gone };

static void on_window(void *opaque, unsigned short cols, unsigned short rows)
{
	const struct winsize size = { .ws_col = cols, .ws_row = rows };
	struct users *u = opaque;

	if (u->pty_master >= 0)
		(void)ioctl(u->pty_master, TIOCSWINSZ, &size);
	u->ops->window(u->opaque, cols, rows);
}

static void on_status(void *opaque, char *text, size_t room)
{
	struct users *u = opaque;

	u->ops->status(u->opaque, text, room);
}

static const struct clients_ops clients_ops = { on_room, on_input, on_window, on_status };

/* --- opening ----------------------------------------------------------- */

int users_open_terminal(struct users *u)
{
	int error;

	if (!u->o.stdio)
		return 0;
	error = tty_raw(STDIN_FILENO);
	u->has_tty = error == 0;
	if (error == -ENOTTY || error == -EINVAL || error == 0)
		error = endpoint_attach(&u->stdio, STDIN_FILENO, STDOUT_FILENO, u->tape, SIZE_MAX);
	if (error < 0)
		log_err("the terminal cannot be used: %s", strerror(-error));
	return error;
}

/* A slave without echo: the guest echoes. */
static int make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0)
		return -errno;
	cfmakeraw(&t);
	return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

static int make_pty(struct users *u)
{
	int error;

	u->pty_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (u->pty_master < 0 || grantpt(u->pty_master) < 0 || unlockpt(u->pty_master) < 0)
		return -errno;
	error = ptsname_r(u->pty_master, u->tty, sizeof(u->tty));
	if (error)
		return -error;
	u->pty_slave = open(u->tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (u->pty_slave < 0)
		return -errno;
	error = make_raw(u->pty_slave);
	return error < 0 ? error : endpoint_attach(&u->pty, u->pty_master, u->pty_master, u->tape,
					   u->o.scrollback);
}

static int open_pty(struct users *u)
{
	int error = u->o.pty ? make_pty(u) : 0;

	if (error < 0)
		log_err("no pty: %s", strerror(-error));
	return error;
}

static int open_socket(struct users *u)
{
	if (!u->o.socket)
		return 0;
	u->clients = clients_open(u->loop, u->o.socket, u->tape, u->o.scrollback, &clients_ops, u);
	if (u->clients)
		return 0;
	log_err("the socket %s: %s", u->o.socket, strerror(errno));
	return -errno;
}

static int open_log(struct users *u)
{
	int error;

	if (!u->o.log.path)
		return 0;
	error = log_writer_start(&u->writer, &u->o.log, u->o.confine);
	/* All of the tape that this process has not seen: a predecessor's is in the log. */
	if (error == 0)
		error = endpoint_attach(&u->log, -1, u->writer.data_fd, u->tape, 0);
	if (error < 0)
		log_err("the log %s: %s", u->o.log.path, strerror(-error));
	return error;
}

struct users *users_open(struct loop *loop, const struct users_options *options,
	const struct tape *tape, const struct users_ops *ops, void *opaque)
{
	struct users *u = calloc(1, sizeof(*u));
	int error;

	if (!u)
		return NULL;
	*u = (struct users){ .loop = loop, .o = *options, .tape = tape, .ops = ops, .opaque = opaque,
		.writer = { -1, -1 }, .pty_master = -1, .pty_slave = -1 };
	endpoint_init(&u->stdio, loop, &stdio_ops, u);
	endpoint_init(&u->pty, loop, &pty_ops, u);
	endpoint_init(&u->log, loop, &log_ops, u);
	/* The log's process first: it inherits nothing of the others. */
	error = open_log(u);
	if (error == 0)
		error = open_pty(u);
	if (error == 0)
		error = open_socket(u);
	if (error == 0)
		return u;
	users_close(u);
	errno = -error;
	return NULL;
}

const char *users_tty(const struct users *u)
{
	return u->tty[0] ? u->tty : NULL;
}

/* --- serving ----------------------------------------------------------- */

void users_pump(struct users *u)
{
	endpoint_pump(&u->log);
	endpoint_pump(&u->stdio);
	endpoint_pump(&u->pty);
	clients_pump(u->clients);
}

void users_resume(struct users *u)
{
	endpoint_resume(&u->stdio);
	endpoint_resume(&u->pty);
	clients_resume(u->clients);
}

void users_reopen_log(struct users *u)
{
	log_writer_reopen(&u->writer);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void users_close(struct users *u)
{
	if (!u)
		return;
	endpoint_flush(&u->stdio, FLUSH_MS);
	endpoint_flush(&u->pty, FLUSH_MS);
	clients_flush(u->clients, FLUSH_MS);
	endpoint_flush(&u->log, FLUSH_LOG_MS);
	tty_restore();
	endpoint_detach(&u->stdio);
	endpoint_detach(&u->pty);
	endpoint_detach(&u->log);
	clients_close(u->clients);
	log_writer_end(&u->writer, FLUSH_LOG_MS);
	close_fd(u->pty_master);
	close_fd(u->pty_slave);
	free(u);
}

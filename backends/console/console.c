// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>

#include <xenstore.h>

#include "backends/common/confined.h"
#include "backends/common/ready.h"
#include "backends/console/device.h"
#include "backends/console/endpoint.h"
#include "common/log.h"
#include "common/tty.h"
#include "xenstore/xsnode.h"

/* How long slow readers are waited for at the end. */
#define CONSOLE_FLUSH_MS 300u

struct console {
	struct loop *loop;
	struct console_options o;
	char dir[48];              /* in the store */
	struct xs_handle *xs;
	struct loop_source *xs_source;
	struct device *device;
	struct endpoint stdio, pty, client;
	bool has_tty;
	int pty_master, pty_slave; /* the slave kept open: without one the master fails */
	int listener;
	struct loop_source *accept_source;
	int log_fd;
	struct log_limit limit;
	bool stopping;
};

/* --- the guest's side -------------------------------------------------- */

static void write_log(struct console *c, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(c->log_fd, data, len);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno != EINTR) {
			if (log_limit_ok(&c->limit))
				log_err("%s: %s: output of the guest is lost", c->o.log, strerror(errno));
			return;
		}
	}
}

static void on_output(void *opaque, const char *data, size_t len)
{
	struct console *c = opaque;

	if (c->log_fd >= 0)
		write_log(c, data, len);
	if (c->stdio.out_fd >= 0)
		endpoint_add(&c->stdio, data, len);
	if (c->o.pty)
		endpoint_add(&c->pty, data, len);
	if (c->o.socket)
		endpoint_add(&c->client, data, len);
}

static void on_room(void *opaque)
{
	struct console *c = opaque;

	endpoint_resume(&c->stdio);
	endpoint_resume(&c->pty);
	endpoint_resume(&c->client);
}

static void on_failed(void *opaque, int error)
{
	struct console *c = opaque;

	loop_stop(c->loop, error == -EPROTO ? CONSOLE_BROKEN : CONSOLE_LOST);
}

static const struct device_ops device_ops = {
	.output = on_output,
	.room = on_room,
	.failed = on_failed,
};

/* --- the users' side --------------------------------------------------- */

static size_t input_room(void *opaque)
{
	struct console *c = opaque;

	return device_room(c->device);
}

static void on_input(void *opaque, const char *data, size_t len)
{
	struct console *c = opaque;

	device_give(c->device, data, len);
}

static void leave_terminal(struct console *c)
{
	endpoint_detach(&c->stdio);
	tty_restore();
	c->has_tty = false;
	fprintf(stderr, "\n[left the console of domain %u%s]\n", c->o.domid,
		c->o.stay ? "; it goes on" : "");
	if (!c->o.stay)
		console_stop(c);
}

static void on_keys(void *opaque, const char *data, size_t len)
{
	struct console *c = opaque;
	const char *escape = c->has_tty ? memchr(data, TTY_ESCAPE, len) : NULL;

	device_give(c->device, data, escape ? (size_t)(escape - data) : len);
	if (escape)
		leave_terminal(c);
}

static void on_stdio_gone(void *opaque, int error)
{
	struct console *c = opaque;

	log_info("the reader of the standard output is gone: %s", strerror(-error));
	tty_restore();
	if (!c->o.stay)
		console_stop(c);
}

static void on_pty_gone(void *opaque, int error)
{
	log_err("the pty failed: %s", strerror(-error));
}

static void on_client_gone(void *opaque, int error)
{
	log_debug("the console's client is gone");
}

static const struct endpoint_ops stdio_ops = { input_room, on_keys, on_stdio_gone };
static const struct endpoint_ops pty_ops = { input_room, on_input, on_pty_gone };
static const struct endpoint_ops client_ops = { input_room, on_input, on_client_gone };

static void on_accept(void *opaque, uint32_t events)
{
	static const char busy[] = "this console has a client already\r\n";
	struct console *c = opaque;
	CLEANUP_CLOSE int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
	int error;

	if (fd < 0)
		return;
	if (c->client.in_fd >= 0) {
		(void)send(fd, busy, sizeof(busy) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		return;
	}
	error = endpoint_attach(&c->client, fd, fd);
	if (error < 0)
		log_err("a client cannot be served: %s", strerror(-error));
}

/* --- opening ----------------------------------------------------------- */

static int open_log(struct console *c)
{
	if (!c->o.log)
		return 0;
	c->log_fd = open(c->o.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (c->log_fd >= 0)
		return 0;
	log_err("--log=%s: %s", c->o.log, strerror(errno));
	return -errno;
}

static int open_stdio(struct console *c)
{
	int error;

	if (!c->o.stdio)
		return 0;
	error = tty_raw(STDIN_FILENO);
	c->has_tty = error == 0;
	if (error == -ENOTTY || error == -EINVAL || error == 0)
		error = endpoint_attach(&c->stdio, STDIN_FILENO, STDOUT_FILENO);
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

static int open_pty(struct console *c, char *name, size_t room)
{
	int error;

	c->pty_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (c->pty_master < 0 || grantpt(c->pty_master) < 0 || unlockpt(c->pty_master) < 0)
		return -errno;
	error = ptsname_r(c->pty_master, name, room);
	if (error)
		return -error;
	c->pty_slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->pty_slave < 0)
		return -errno;
	error = make_raw(c->pty_slave);
	return error < 0 ? error : endpoint_attach(&c->pty, c->pty_master, c->pty_master);
}

static int start_pty(struct console *c)
{
	char name[64];
	int error;

	if (!c->o.pty)
		return 0;
	error = open_pty(c, name, sizeof(name));
	if (error < 0) {
		log_err("no pty: %s", strerror(-error));
		return error;
	}
	printf("%s\n", name);
	fflush(stdout);
	return xsn_write(c->xs, XBT_NULL, c->dir, "tty", name);
}

static int listen_at(struct console *c, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mask;
	int r;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path));
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listener < 0)
		return -errno;
	mask = umask(0177);
	r = bind(c->listener, (struct sockaddr *)&sun, sizeof(sun));
	umask(mask);
	if (r < 0 || listen(c->listener, 8) < 0)
		return -errno;
	c->accept_source = loop_add_fd(c->loop, c->listener, EPOLLIN, on_accept, c);
	return c->accept_source ? 0 : -errno;
}

static int start_socket(struct console *c)
{
	int error;

	if (!c->o.socket)
		return 0;
	error = listen_at(c, c->o.socket);
	if (error < 0) {
		log_err("--socket=%s: %s", c->o.socket, strerror(-error));
		c->o.socket = NULL; /* not ours to remove */
		return error;
	}
	return xsn_write(c->xs, XBT_NULL, c->dir, "socket", c->o.socket);
}

static int start_device(struct console *c)
{
	uint32_t port;
	int error = xsn_read_u32(c->xs, XBT_NULL, c->dir, "port", &port);

	if (error < 0) {
		log_err("domain %u has no console: %s/port: %s", c->o.domid, c->dir, strerror(-error));
		return error;
	}
	c->device = device_open(c->loop, c->o.domid, c->o.ring_ref, port, &device_ops, c);
	return c->device ? 0 : -errno;
}

/* --- the domain's end -------------------------------------------------- */

static void on_store(void *opaque, uint32_t events)
{
	struct console *c = opaque;
	char **watch = xs_check_watch(c->xs);

	if (!watch && errno == EAGAIN)
		return;
	free(watch);
	if (!watch) {
		log_warn("the store is gone: the console goes on without it");
		loop_remove(c->xs_source);
		c->xs_source = NULL;
	} else if (!xs_is_domain_introduced(c->xs, c->o.domid)) {
		console_stop(c);
	}
}

static int open_store(struct console *c)
{
	c->xs = xs_open(0);
	if (!c->xs) {
		log_err("the store cannot be reached: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

static int watch_store(struct console *c)
{
	if (!xs_watch(c->xs, "@releaseDomain", "gone"))
		return -errno;
	c->xs_source = loop_add_fd(c->loop, xs_fileno(c->xs), EPOLLIN, on_store, c);
	return c->xs_source ? 0 : -errno;
}

/* --- life -------------------------------------------------------------- */

static int init_endpoints(struct console *c)
{
	int error = endpoint_init(&c->stdio, c->loop, &stdio_ops, c);

	if (error == 0)
		error = endpoint_init(&c->pty, c->loop, &pty_ops, c);
	if (error == 0)
		error = endpoint_init(&c->client, c->loop, &client_ops, c);
	return error;
}

/*
 * Clients come to the listener, whose name is removed at the end: by that the root directory
 * has to stay. What the endpoints open by a name is open.
 */
CONFINE_RULES(console, CONFINE_CALL(accept4), CONFINE_CALL(sendto), CONFINE_CALL(fstat),
	CONFINE_CALL(newfstatat), CONFINE_CALL(unlink), CONFINE_CALL(unlinkat),
	CONFINE_CALL_IF(ioctl, 1, TCGETS), CONFINE_CALL_IF(ioctl, 1, TCSETS),
	CONFINE_CALL_IF(ioctl, 1, TCSETSW));
static const struct confine_options confinement = { .keep_root = true };

static int start_all(struct console *c)
{
	int error = init_endpoints(c);

	if (error == 0)
		error = open_store(c);
	if (error == 0)
		error = start_device(c);
	if (error == 0)
		error = open_log(c);
	if (error == 0)
		error = start_pty(c);
	if (error == 0)
		error = start_socket(c);
	/* The terminal late: messages of a failed start are read in a sane one. */
	if (error == 0)
		error = open_stdio(c);
	/* Before the watch, which starts a thread, and before a byte of the guest's is looked at. */
	if (error == 0 && c->o.confine)
		error = confined_begin(&confinement);
	if (error == 0)
		error = watch_store(c);
	return error;
}

struct console *console_start(struct loop *loop, const struct console_options *options)
{
	struct console *c = calloc(1, sizeof(*c));
	int error;

	if (!c)
		return NULL;
	*c = (struct console){ .loop = loop, .o = *options, .pty_master = -1, .pty_slave = -1,
		.listener = -1, .log_fd = -1, .limit = { .burst = 1, .interval_ms = 10000 } };
	snprintf(c->dir, sizeof(c->dir), "/local/domain/%u/console", options->domid);
	error = start_all(c);
	if (error < 0) {
		console_free(c);
		errno = -error;
		return NULL;
	}
	device_serve(c->device);
	ready_notify(&c->o.ready_fd);
	return c;
}

void console_stop(struct console *c)
{
	if (c->stopping)
		return;
	c->stopping = true;
	loop_stop(c->loop, CONSOLE_OK);
	/* What breaks only now still counts. */
	device_serve(c->device);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void console_free(struct console *c)
{
	if (!c)
		return;
	endpoint_flush(&c->stdio, CONSOLE_FLUSH_MS);
	endpoint_flush(&c->pty, CONSOLE_FLUSH_MS);
	endpoint_flush(&c->client, CONSOLE_FLUSH_MS);
	tty_restore();
	endpoint_free(&c->stdio);
	endpoint_free(&c->pty);
	endpoint_free(&c->client);
	device_close(c->device);
	loop_remove(c->accept_source);
	loop_remove(c->xs_source);
	if (c->xs)
		xs_close(c->xs);
	if (c->listener >= 0 && c->o.socket)
		unlink(c->o.socket);
	close_fd(c->listener);
	close_fd(c->pty_master);
	close_fd(c->pty_slave);
	close_fd(c->log_fd);
	free(c);
}

// SPDX-License-Identifier: MIT
/*
 * Secondary consoles: devices of kind "console", with xenbus states. Their frontend grants the ring
 * and writes ring-ref and port; the toolstack's nodes in our directory say where they lead:
 *
 *	connection	pty (default) or socket
 *	path		of the socket
 *	log		of a log; optional
 *	name, protocol	for people
 *
 * A frontend may close and connect again as often as it likes. One that breaks its ring loses its
 * connection, and finds the reason in the error node.
 */
#include "config.h"
#include "backends/console/console-private.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>

#include "backends/common/ready.h"
#include "common/log.h"
#include "xenstore/xsnode.h"

static int secondary_attach(struct console *c, struct backend_dir *frontend, bool resume, char *why,
	size_t room)
{
	uint32_t ref, port;
	const char *node = "ring-ref";
	int error = xsn_read_u32(frontend->xs, frontend->t, frontend->path, node, &ref);

	if (error == 0)
		error = xsn_read_u32(frontend->xs, frontend->t, frontend->path, node = "port", &port);
	if (error < 0) {
		snprintf(why, room, "%s/%s: %s", frontend->path, node, strerror(-error));
		return error;
	}
	return console_connect(c, ref, port, resume, why, room);
}

static int on_connect(void *opaque, struct backend_dir *frontend, char *why, size_t room)
{
	return secondary_attach(opaque, frontend, false, why, room);
}

static int on_publish(void *opaque, struct backend_dir *dir)
{
	struct console *c = opaque;
	int error = 0;

	if (users_tty(c->users))
		error = backend_dir_write(dir, "tty", users_tty(c->users));
	if (error == 0 && c->o.users.socket)
		error = backend_dir_write(dir, "socket", c->o.users.socket);
	return error;
}

static int on_resume(void *opaque, struct backend_dir *frontend, char *why, size_t room)
{
	struct console *c = opaque;
	struct backend_dir dir = backend_own_dir(c->backend);
	int error = secondary_attach(c, frontend, true, why, room);

	/* The nodes are the predecessor's, and so is the terminal that they name. */
	if (error == 0 && on_publish(c, &dir) < 0)
		log_warn("%s: the new terminal's name cannot be written", dir.path);
	return error;
}

static void on_disconnect(void *opaque)
{
	struct console *c = opaque;

	/* Its last words. */
	device_drain(c->device);
	users_pump(c->users);
	device_disconnect(c->device);
	backend_disconnected(c->backend);
}

/* Where tools on the frontend's side look; it is theirs to allow. */
static void tell_frontend(struct console *c)
{
	struct backend_dir dir = backend_own_dir(c->backend);

	if (users_tty(c->users) &&
		xsn_write(dir.xs, XBT_NULL, c->frontend, "tty", users_tty(c->users)) < 0)
		log_debug("%s/tty is not ours to write", c->frontend);
}

static void on_ready(void *opaque)
{
	struct console *c = opaque;

	tell_frontend(c);
	ready_notify(&c->o.ready_fd);
}

static void on_ended(void *opaque, enum backend_end how)
{
	struct console *c = opaque;

	loop_stop(c->loop, (int)how);
}

static const struct backend_ops backend_ops = {
	.publish = on_publish,
	.connect = on_connect,
	.resume = on_resume,
	.disconnect = on_disconnect,
	.ready = on_ready,
	.ended = on_ended,
};

/* --- what is configured ------------------------------------------------ */

static int refuse(struct console *c, const char *why)
{
	backend_refuse(c->backend, why);
	c->status = CONSOLE_BROKEN;
	return -EINVAL;
}

static int take_connection(struct console *c, struct backend_dir *dir)
{
	CLEANUP_FREE char *connection = backend_dir_read(dir, "connection");
	struct users_options *u = &c->o.users;

	if (u->pty || u->socket || u->stdio)
		return 0; /* the command line said it */
	u->pty = !connection || strcmp(connection, "pty") == 0;
	if (u->pty)
		return 0;
	if (strcmp(connection, "socket") != 0)
		return refuse(c, "the node connection is neither pty nor socket");
	u->socket = c->path;
	if (!c->path || c->path[0] != '/')
		return refuse(c, "connection is socket, and the node path is no absolute path");
	return 0;
}

/* "/local/domain/N/console", where a further one has device/console/M. */
static bool is_primary(const struct console *c)
{
	char path[48];

	snprintf(path, sizeof(path), "/local/domain/%u/console", c->o.domid);
	return strcmp(c->frontend, path) == 0;
}

static int take_nodes(struct console *c)
{
	struct backend_dir dir = backend_own_dir(c->backend);

	c->path = backend_dir_read(&dir, "path");
	c->log = backend_dir_read(&dir, "log");
	c->frontend = backend_dir_read(&dir, "frontend");
	if (!c->frontend || xsn_read_u32(dir.xs, XBT_NULL, dir.path, "frontend-id", &c->o.domid) < 0 ||
		c->o.domid >= DOMID_FIRST_RESERVED)
		return refuse(c, "the nodes frontend and frontend-id do not say whose console it is");
	if (c->log && c->log[0] != '/')
		return refuse(c, "the node log is no absolute path");
	if (c->log && !c->o.users.log.path)
		c->o.users.log.path = c->log;
	return take_connection(c, &dir);
}

static int secondary_open(struct console *c)
{
	char why[CONSOLE_WHY];
	int error = backend_open(c->loop, c->o.backend, &backend_ops, c, &c->backend, why, sizeof(why));

	if (error < 0) {
		log_err("%s", why);
		return error;
	}
	error = take_nodes(c);
	if (error == 0 && is_primary(c)) {
		c->kind = &console_primary;
		error = c->kind->open(c);
	}
	return error;
}

/* --- life -------------------------------------------------------------- */

static int secondary_begin(struct console *c)
{
	int error = backend_start(c->backend, c->frontend);

	if (error < 0)
		log_err("cannot watch the device: %s", strerror(-error));
	return error;
}

static void secondary_write(struct console *c, const char *node, const char *value)
{
	struct backend_dir dir = backend_own_dir(c->backend);
	int error = backend_dir_write(&dir, node, value);

	if (error < 0)
		log_info("%s/%s: %s", dir.path, node, strerror(-error));
}

static void secondary_broken(struct console *c, const char *why)
{
	backend_fail(c->backend, why);
}

static void secondary_stop(struct console *c)
{
	backend_stop(c->backend);
}

static void secondary_close(struct console *c)
{
	backend_close(c->backend);
	free(c->frontend);
	free(c->path);
	free(c->log);
}

const struct console_kind console_secondary = { secondary_open, secondary_begin, secondary_write,
	secondary_broken, secondary_stop, secondary_close };

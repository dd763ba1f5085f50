// SPDX-License-Identifier: MIT
/*
 * The primary console: it has no xenbus states. Its builder put the ring's page where grant 0
 * leads, and its nodes in console/; it lives as long as its domain. Where libxl gave it to a driver domain
 * it has a directory there, too, as a device has.
 */
#include "config.h"
#include "backends/console/console-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "backends/common/program.h"
#include "backends/common/ready.h"
#include "common/log.h"
#include "xenstore/xsnode.h"

/* Cosmetic: a store that refuses it has said why to its own log. */
static void primary_write(struct console *c, const char *node, const char *value)
{
	int error = xsn_write(c->xs, XBT_NULL, c->dir, node, value);

	if (error < 0)
		log_info("%s/%s: %s", c->dir, node, strerror(-error));
}

/* The toolstack's bound for what may wait here. */
static void take_limit(struct console *c)
{
	uint32_t limit;

	if (xsn_read_u32(c->xs, XBT_NULL, c->dir, "limit", &limit) == 0 && c->o.users.scrollback > limit)
		c->o.users.scrollback = limit;
}

static int primary_open(struct console *c)
{
	int error;

	snprintf(c->dir, sizeof(c->dir), "/local/domain/%u/console", c->o.domid);
	c->xs = xs_open(0);
	if (!c->xs) {
		log_err("the store cannot be reached: %s", strerror(errno));
		return -EIO;
	}
	error = xsn_read_u32(c->xs, XBT_NULL, c->dir, "port", &c->port);
	if (error < 0)
		log_err("domain %u has no console: %s/port: %s", c->o.domid, c->dir, strerror(-error));
	take_limit(c);
	return error;
}

/* --- the domain's end -------------------------------------------------- */

/* Whichever of the two this store tells to a domain that is not privileged. */
static bool domain_is_gone(struct console *c)
{
	uint32_t port;
	int error = xsn_read_u32(c->xs, XBT_NULL, c->dir, "port", &port);

	/* What was ours to read and is not: its directory is gone, and what is above is not ours. */
	if (error == -ENOENT || error == -EACCES)
		return true;
	/* An error is no answer. */
	errno = 0;
	return !xs_is_domain_introduced(c->xs, c->o.domid) && errno == 0;
}

static void on_store(void *opaque, uint32_t events)
{
	struct console *c = opaque;
	char **watch;

	errno = 0;
	while ((watch = xs_check_watch(c->xs)))
		free(watch);
	if (errno != EAGAIN) {
		log_warn("the store is gone: the console goes on without it");
		loop_remove(c->xs_source);
		c->xs_source = NULL;
	} else if (domain_is_gone(c)) {
		console_stop(c);
	}
}

static int watch_store(struct console *c)
{
	char port[64];

	snprintf(port, sizeof(port), "%s/port", c->dir);
	/* The first is for the privileged: it comes even where the nodes stay. */
	if (!xs_watch(c->xs, "@releaseDomain", "gone"))
		log_debug("@releaseDomain is not ours to watch: %s", strerror(errno));
	if (!xs_watch(c->xs, port, "gone")) {
		log_err("%s cannot be watched: %s", port, strerror(errno));
		return -EIO;
	}
	c->xs_source = loop_add_fd(c->loop, xs_fileno(c->xs), EPOLLIN, on_store, c);
	return c->xs_source ? 0 : -errno;
}

/* libxl makes a device of it as well, which has no states on the frontend's side. */
static int tell_toolstack(struct console *c)
{
	struct backend_dir dir;
	int error = 0;

	if (!c->backend)
		return 0;
	dir = backend_own_dir(c->backend);
	if (users_tty(c->users))
		error = backend_dir_write(&dir, "tty", users_tty(c->users));
	if (error == 0 && c->o.users.socket)
		error = backend_dir_write(&dir, "socket", c->o.users.socket);
	if (error == 0)
		error = xsn_write_state(dir.xs, dir.t, dir.path, "state", XenbusStateConnected);
	if (error < 0)
		log_err("the device's nodes cannot be written: %s", strerror(-error));
	return error;
}

static int primary_begin(struct console *c)
{
	char why[CONSOLE_WHY] = "";
	int error;

	/* What it takes from the ring is the guest's: it is written before the end. */
	program_may_end(false);
	error = console_connect(c, c->o.ring_ref, c->port, true, why, sizeof(why));
	if (error < 0) {
		log_err("%s", why);
		return error;
	}
	if (users_tty(c->users))
		primary_write(c, "tty", users_tty(c->users));
	if (c->o.users.socket)
		primary_write(c, "socket", c->o.users.socket);
	error = tell_toolstack(c);
	if (error == 0)
		error = watch_store(c);
	if (error < 0)
		return error;
	ready_notify(&c->o.ready_fd);
	return 0;
}

static void primary_broken(struct console *c, const char *why)
{
	log_err("%s", why);
	primary_write(c, "error", why);
	if (c->backend)
		console_secondary.write(c, "error", why);
	loop_stop(c->loop, CONSOLE_BROKEN);
}

static void primary_stop(struct console *c)
{
	loop_stop(c->loop, CONSOLE_OK);
}

static void primary_close(struct console *c)
{
	loop_remove(c->xs_source);
	if (c->xs)
		xs_close(c->xs);
}

const struct console_kind console_primary = { primary_open, primary_begin, primary_write,
	primary_broken, primary_stop, primary_close };

// SPDX-License-Identifier: MIT
/*
 * The xenbus life of a backend. Runs in the control thread; the frontend's state is
 * hostile input, its other nodes are the device's to read.
 *
 * Watch events only say that something changed: they are all taken, then everything
 * is read anew and looked at once, so a flood of events costs one look per pass
 * (XSA-349, CVE-2020-29568).
 */
#include "config.h"
#include "backends/common/backend-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "backends/common/error-node.h"
#include "backends/common/look.h"
#include "backends/common/program.h"
#include "backends/common/store-socket.h"
#include "common/log.h"
#include "protocol/xenbus.h"
#include "xenstore/xsnode.h"

/* Actions per look: each moves the state on; more than these would be going in circles. */
#define BACKEND_MAX_STEPS 8
#define BACKEND_NODE_TOKEN "frontend-node"
#define BACKEND_MAX_DWELL_MS 60000u
/* When nodes could not be read, for other reasons than that they are not there. */
#define BACKEND_AGAIN_MS 1000u

/* A process serves one device, whose frontend can make one bad connection after the other. */
static struct log_limit backend_limit = { .burst = 50, .interval_ms = 600000 };

char *backend_dir_read(void *opaque, const char *name)
{
	struct backend_dir *dir = opaque;

	return xsn_read(dir->xs, dir->t, dir->path, name);
}

int backend_dir_write(void *opaque, const char *name, const char *value)
{
	struct backend_dir *dir = opaque;

	return xsn_write(dir->xs, dir->t, dir->path, name, value);
}

struct backend_dir backend_own_dir(struct backend *b)
{
	return (struct backend_dir){ b->xs, XBT_NULL, b->path };
}

static unsigned backend_dwell_ms(void)
{
	const char *text = getenv("SLUICE_INITWAIT_MS");
	uint64_t ms = 0;

	if (text && xsn_parse_u64(text, BACKEND_MAX_DWELL_MS, &ms) < 0)
		log_warn("SLUICE_INITWAIT_MS=%s is no number from 0 to %u", text, BACKEND_MAX_DWELL_MS);
	return (unsigned)ms;
}

int backend_open(struct loop *loop, const char *path, const struct backend_ops *ops,
	void *opaque, struct backend **backend, char *why, size_t why_room)
{
	CLEANUP_FREE char *frontend = NULL;
	struct backend *b = calloc(1, sizeof(*b));
	int rc = -ENOMEM;

	snprintf(why, why_room, "out of memory");
	if (!b)
		return -ENOMEM;
	b->loop = loop;
	b->ops = ops;
	b->opaque = opaque;
	b->socket = -1;
	b->dwell_ms = backend_dwell_ms();
	b->path = strdup(path);
	if (!b->path)
		goto out;
	b->xs = store_socket_open(&b->socket);
	if (!b->xs) {
		rc = errno ? -errno : -EIO;
		snprintf(why, why_room, "the store cannot be reached (%s); is it running, and XENSTORED_PATH right?",
			strerror(-rc));
		goto out;
	}
	frontend = xsn_read(b->xs, XBT_NULL, b->path, "frontend");
	if (!frontend) {
		rc = errno ? -errno : -EIO;
		snprintf(why, why_room, "%s: the toolstack's node frontend cannot be read: %s",
			path, strerror(-rc));
		goto out;
	}
	*backend = b;
	return 0;
out:
	backend_close(b);
	return rc;
}

void backend_close(struct backend *b)
{
	if (!b)
		return;
	loop_remove(b->source);
	loop_remove(b->alive);
	loop_remove(b->dwell);
	loop_remove(b->again);
	if (b->socket >= 0)
		close(b->socket);
	xs_close(b->xs);
	free(b->path);
	free(b->frontend);
	free(b);
}

static void backend_finish(struct backend *b, enum backend_end how)
{
	if (b->over)
		return;
	b->over = true;
	b->ops->ended(b->opaque, how);
}

/* The store said @rc. True: it is gone, and so are we. */
static bool backend_lost(struct backend *b, int rc)
{
	if (rc != -EPIPE && rc != -EIO && rc != -ECONNRESET && rc != -EBADF)
		return false;
	if (!b->over)
		log_err("the store is gone: %s", strerror(-rc));
	/*
	 * A successor goes on where we stop dead. A tidy end would close the journal, and the
	 * frontend could not be told of it.
	 */
	if (b->connected && !b->disconnecting && b->ops->resume)
		_exit(BACKEND_LOST_STORE);
	backend_finish(b, BACKEND_LOST_STORE);
	return true;
}

/* --- writing our state ------------------------------------------------------------ */

struct backend_change {
	struct backend *b;
	XenbusState state;
	int (*publish)(void *opaque, struct backend_dir *dir);
};

static int backend_change_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	struct backend_change *c = opaque;
	struct backend_dir dir = { xs, t, c->b->path };
	CLEANUP_FREE char *frontend = xsn_read(xs, t, c->b->path, "frontend");
	int rc = 0;

	/* A directory that was removed must not come back because we write into it. */
	if (!frontend)
		return errno ? -errno : -EIO;
	if (c->publish)
		rc = c->publish(c->b->opaque, &dir);
	return rc < 0 ? rc : xsn_write_state(xs, t, c->b->path, "state", c->state);
}

/* Nodes and state change at once, so nobody sees a state without what it promises. */
static int backend_change_state(struct backend *b, XenbusState state,
	int (*publish)(void *opaque, struct backend_dir *dir))
{
	struct backend_change c = { b, state, publish };
	int rc = xsn_transaction(b->xs, backend_change_fn, &c);

	if (rc == 0 || rc == -ENOENT) {
		log_debug("%s to %s", xenbus_state_name(b->state), xenbus_state_name(state));
		b->state = state;
		return 0;
	}
	if (!backend_lost(b, rc))
		log_err("cannot write state %s: %s", xenbus_state_name(state), strerror(-rc));
	return rc;
}

void backend_refuse(struct backend *b, const char *why)
{
	/* The node first: whoever has seen the line finds it. */
	error_node_publish(b->xs, b->path, why);
	log_err("%s", why);
	(void)!backend_change_state(b, XenbusStateClosed, NULL); /* logged; we end anyway */
}

/* --- actions --------------------------------------------------------------------------- */

/* Says to the domain's daemon what the toolstack did not: nobody wants this device. */
static int backend_publish_given_up(void *opaque, struct backend_dir *dir)
{
	(void)opaque;
	return xsn_write(dir->xs, dir->t, dir->path, "online", "0");
}

static void backend_closed(struct backend *b)
{
	if (b->ending && b->ops->release)
		b->ops->release(b->opaque);
	(void)!backend_change_state(b, XenbusStateClosed,
		b->given_up ? backend_publish_given_up : NULL); /* logged */
	if (b->ending)
		backend_finish(b, BACKEND_REMOVED);
}

static void backend_disconnect(struct backend *b)
{
	if (b->disconnecting)
		return;
	if (!b->connected) {
		backend_closed(b);
		return;
	}
	b->disconnecting = true;
	b->ops->disconnect(b->opaque);
}

static void backend_initialise(struct backend *b)
{
	error_node_clear(b->xs, b->path);
	if (backend_change_state(b, XenbusStateInitWait, b->ops->publish) == 0)
		b->ops->ready(b->opaque);
}

static void backend_connect(struct backend *b)
{
	struct backend_dir frontend = { b->xs, XBT_NULL, b->frontend };
	char why[256] = "";

	if (b->ops->connect(b->opaque, &frontend, why, sizeof(why)) < 0) {
		backend_fail(b, why);
		return;
	}
	b->connected = true;
	if (backend_change_state(b, XenbusStateConnected, b->ops->publish_connected) < 0)
		backend_fail(b, "the store did not take the nodes of a connected device");
}

void backend_fail(struct backend *b, const char *why)
{
	backend_report(b, why);
	if (b->over || b->disconnecting)
		return;
	(void)!backend_change_state(b, XenbusStateClosing, NULL); /* logged */
	if (b->connected)
		backend_disconnect(b);
}

void backend_report(struct backend *b, const char *why)
{
	/* As in backend_refuse(). */
	if (!b->over)
		error_node_publish(b->xs, b->path, why);
	if (log_limit_ok(&backend_limit))
		log_err("%s", why);
}

static void backend_reconfigure(struct backend *b)
{
	struct backend_dir frontend = { b->xs, XBT_NULL, b->frontend };

	b->ops->reconfigure(b->opaque, &frontend);
	(void)!backend_change_state(b, XenbusStateReconfigured, NULL); /* logged */
}

/* Whether the device has it that way: others do as if nothing was asked for. */
static bool backend_can(const struct backend *b, enum xenbus_action action)
{
	switch (action) {
	case XENBUS_NOTHING:
		return false;
	case XENBUS_CONNECT:
		return !b->dwell && (!b->ops->may_connect || b->ops->may_connect(b->opaque));
	case XENBUS_RECONFIGURE:
	case XENBUS_RECONFIGURED:
		return b->ops->reconfigure;
	default:
		return true;
	}
}

static void backend_evaluate(struct backend *b);

static void backend_dwelt(void *opaque)
{
	struct backend *b = opaque;

	b->dwell = NULL;
	backend_evaluate(b);
}

/* A frontend that is faster than stock xl would make it miss the state that it waits for. */
static void backend_dwell(struct backend *b)
{
	if (!b->dwell && b->dwell_ms && b->state == XenbusStateInitWait)
		b->dwell = loop_add_timer(b->loop, b->dwell_ms, backend_dwelt, b);
}

static void backend_act(struct backend *b, enum xenbus_action action)
{
	switch (action) {
	case XENBUS_NOTHING:
		break;
	case XENBUS_INITIALISE:
		backend_initialise(b);
		backend_dwell(b);
		break;
	case XENBUS_REINIT:
		backend_initialise(b);
		break;
	case XENBUS_CONNECT:
		backend_connect(b);
		break;
	case XENBUS_CLOSING:
		(void)!backend_change_state(b, XenbusStateClosing, NULL); /* logged */
		break;
	case XENBUS_RECONFIGURE:
		backend_reconfigure(b);
		break;
	case XENBUS_RECONFIGURED:
		(void)!backend_change_state(b, XenbusStateConnected, NULL); /* logged */
		break;
	case XENBUS_REMOVE:
		b->ending = true;
		backend_disconnect(b);
		break;
	case XENBUS_DISCONNECT:
		backend_disconnect(b);
		break;
	}
}

/* --- looking ------------------------------------------------------------------------------ */

static void backend_look_again(void *opaque)
{
	struct backend *b = opaque;

	b->again = NULL;
	backend_evaluate(b);
}

/* Nothing changes for now. */
static void backend_unread(struct backend *b, int rc)
{
	if (backend_lost(b, rc))
		return;
	if (log_limit_ok(&backend_limit))
		log_warn("cannot read the device's nodes (%s); it stays as it is", strerror(-rc));
	if (!b->again)
		b->again = loop_add_timer(b->loop, BACKEND_AGAIN_MS, backend_look_again, b);
}

static void backend_evaluate(struct backend *b)
{
	for (int i = 0; i < BACKEND_MAX_STEPS && !b->disconnecting && !b->over; i++) {
		struct look v;
		enum xenbus_action action;
		int rc = look_at_device(b->xs, b->path, b->frontend, b->state, &v);

		if (rc < 0) {
			backend_unread(b, rc);
			return;
		}
		/*
		 * libxl ends a qdisk of a paused or dying guest with Closed alone, online still 1.
		 * Before our first state it is one that a predecessor left.
		 */
		if (v.target == XenbusStateClosed && b->state != XenbusStateInitialising)
			b->given_up = true;
		action = v.gone || b->given_up ? XENBUS_REMOVE :
				  xenbus_backend_action(b->state, v.frontend, v.online,
					  b->connected, v.target);
		if (!backend_can(b, action))
			return;
		backend_act(b, action);
	}
}

int backend_update(struct backend *b, int (*publish)(void *opaque, struct backend_dir *dir))
{
	if (b->state != XenbusStateConnected || b->over)
		return 0;
	return backend_change_state(b, XenbusStateConnected, publish);
}

static bool backend_is_there(const struct backend *b)
{
	CLEANUP_FREE char *frontend = xsn_read(b->xs, XBT_NULL, b->path, "frontend");

	return frontend;
}

/*
 * Whether an event is about a node that the device wants to know of. That of the directory itself
 * may stand for all: the watch was made, or made anew for us after the store was restarted.
 */
static bool backend_is_watched(const struct backend *b, const char *path)
{
	size_t n = strlen(b->path);

	if (!b->ops->watched || strncmp(path, b->path, n) != 0)
		return false;
	if (!path[n])
		return backend_is_there(b);
	if (path[n] != '/')
		return false;
	for (const char *const *w = b->ops->watched; *w; w++)
		if (strncmp(path + n + 1, *w, strlen(*w)) == 0)
			return true;
	return false;
}

static void backend_frontend_changed(struct backend *b)
{
	struct backend_dir frontend = { b->xs, XBT_NULL, b->frontend };

	if (b->connected && !b->disconnecting && !b->over)
		b->ops->frontend_changed(b->opaque, &frontend);
}

static void backend_on_store(void *opaque, uint32_t events)
{
	struct backend *b = opaque;
	bool changed = false, frontend_changed = false;
	char **event;

	errno = 0;
	while ((event = xs_check_watch(b->xs))) {
		changed |= backend_is_watched(b, event[XS_WATCH_PATH]);
		frontend_changed |= strcmp(event[XS_WATCH_TOKEN], BACKEND_NODE_TOKEN) == 0;
		free(event);
	}
	if (errno != EAGAIN && (errno || (events & (EPOLLHUP | EPOLLERR)))) {
		backend_lost(b, -EPIPE);
		return;
	}
	if (changed && !b->over)
		b->ops->nodes_changed(b->opaque);
	if (frontend_changed)
		backend_frontend_changed(b);
	backend_evaluate(b);
}

void backend_disconnected(struct backend *b)
{
	b->connected = false;
	b->disconnecting = false;
	if (b->over)
		return;
	backend_closed(b);
	if (!b->over)
		backend_evaluate(b);
}

void backend_stop(struct backend *b)
{
	b->ending = true;
	if (!b->frontend)
		backend_finish(b, BACKEND_REMOVED);
	else
		backend_disconnect(b);
}

/* The other end hung up. What it sent before is not looked at any more. */
static void backend_on_hangup(void *opaque, uint32_t events)
{
	struct backend *b = opaque;

	(void)!loop_set_events(b->alive, 0); /* once is enough */
	backend_lost(b, -EPIPE);
}

static int backend_watch(struct backend *b)
{
	char node[XENSTORE_ABS_PATH_MAX + 64];

	snprintf(node, sizeof(node), "%s/state", b->frontend);
	if (!xs_watch(b->xs, b->path, "backend") || !xs_watch(b->xs, node, "frontend"))
		return errno ? -errno : -EIO;
	if (b->ops->frontend_node) {
		snprintf(node, sizeof(node), "%s/%s", b->frontend, b->ops->frontend_node);
		if (!xs_watch(b->xs, node, BACKEND_NODE_TOKEN))
			log_warn("%s cannot be watched (%s): its changes are seen with the next connection",
				node, strerror(errno));
	}
	b->source = loop_add_fd(b->loop, xs_fileno(b->xs), EPOLLIN, backend_on_store, b);
	if (b->socket >= 0) {
		b->alive = loop_add_fd(b->loop, b->socket, EPOLLRDHUP, backend_on_hangup, b);
		if (!b->alive)
			return -errno;
	}
	return b->source ? 0 : -errno;
}

int backend_start(struct backend *b, const char *frontend)
{
	XenbusState own;
	int rc;

	/* What a frontend is served with ends in order. */
	program_may_end(false);
	if (strlen(frontend) > XENSTORE_ABS_PATH_MAX)
		return -ENAMETOOLONG;
	b->frontend = strdup(frontend);
	if (!b->frontend)
		return -ENOMEM;
	b->state = XenbusStateInitialising;
	rc = backend_watch(b);
	if (rc < 0)
		return rc;
	if (backend_was_connected(b, &own))
		backend_succeed(b, own);
	backend_evaluate(b);
	return 0;
}

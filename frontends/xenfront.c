// SPDX-License-Identifier: MIT
/* A frontend's side of the store, in the order of Linux's frontends; see xenfront.h. */
#include "config.h"
#include "frontends/xenfront.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <xen/xen.h>

#include "common/log.h"
#include "common/spin.h"
#include "protocol/xenbus.h"
#include "xenstore/xsnode.h"

#define STATE_BIT(state) (1u << (state))
#define NS_PER_MS UINT64_C(1000000)

int xenfront_why(struct xenfront *xf, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(xf->why, sizeof(xf->why), fmt, ap);
	va_end(ap);
	return rc;
}

uint64_t xenfront_deadline(const struct xenfront *xf)
{
	return spin_now_ns() + xf->timeout_ms * NS_PER_MS;
}

void xenfront_make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* ---- finding the device --------------------------------------------------- */

static const char *what(const struct xenfront *xf)
{
	return strcmp(xf->kind, "vbd") == 0 ? "disk" : strcmp(xf->kind, "vif") == 0 ? "interface" : xf->kind;
}

static int find_first(struct xenfront *xf, uint64_t *number)
{
	char parent[32];
	unsigned num = 0;
	CLEANUP_FREE char **names = NULL;
	bool found = false;

	snprintf(parent, sizeof(parent), "device/%s", xf->kind);
	names = xs_directory(xf->xs, XBT_NULL, parent, &num);
	for (unsigned i = 0; names && i < num; i++) {
		uint64_t n;

		if (xsn_parse_u64(names[i], UINT32_MAX, &n) < 0 || (found && n >= *number))
			continue;
		*number = n;
		found = true;
	}
	return found ? 0 :
		       xenfront_why(xf, -ENODEV, "this domain has no %s (nothing in %s)", what(xf), parent);
}

static int find_device(struct xenfront *xf, uint64_t number)
{
	int rc = 0;

	if (number == XENFRONT_FIRST)
		rc = find_first(xf, &number);
	if (rc < 0)
		return rc;
	if (asprintf(&xf->dir, "device/%s/%llu", xf->kind, (unsigned long long)number) < 0) {
		xf->dir = NULL;
		return xenfront_why(xf, -ENOMEM, "no memory");
	}
	xf->backend = xsn_read(xf->xs, XBT_NULL, xf->dir, "backend");
	if (!xf->backend)
		return xenfront_why(xf, errno == ENOENT ? -ENODEV : -errno,
			"this domain has no %s %llu (%s/backend: %m)", what(xf),
			(unsigned long long)number, xf->dir);
	rc = xsn_read_u32(xf->xs, XBT_NULL, xf->dir, "backend-id", &xf->backend_id);
	if (rc == 0 && xf->backend_id >= DOMID_FIRST_RESERVED)
		rc = -ERANGE;
	return rc < 0 ? xenfront_why(xf, rc, "%s/backend-id: %s", xf->dir, strerror(-rc)) : 0;
}

void xenfront_init(struct xenfront *xf, const char *kind, unsigned timeout_ms)
{
	*xf = (struct xenfront){ .kind = kind, .timeout_ms = timeout_ms, .end_fd = -1, .timer_fd = -1,
		.epoll_fd = -1 };
	pthread_mutex_init(&xf->lock, NULL);
}

int xenfront_open(struct xenfront *xf, uint64_t number)
{
	int rc = xenfront_connect_store(xf);

	return rc < 0 ? rc : find_device(xf, number);
}

void xenfront_close(struct xenfront *xf)
{
	xenfront_disconnect_store(xf);
	free(xf->dir);
	free(xf->backend);
	xf->dir = xf->backend = NULL;
}

void xenfront_free(struct xenfront *xf)
{
	xenfront_close(xf);
	pthread_mutex_destroy(&xf->lock);
}

/* ---- states ----------------------------------------------------------------- */

int xenfront_read_state(struct xenfront *xf, xs_transaction_t t, const char *dir, XenbusState *state)
{
	int rc = xsn_read_state(xf->xs, t, dir, "state", state);

	if (rc == 0)
		return 0;
	*state = XenbusStateUnknown;
	return rc == -ENOENT || rc == -EINVAL || rc == -ERANGE ? 0 : rc;
}

char *xenfront_error(struct xenfront *xf)
{
	char *text = xsn_read(xf->xs, XBT_NULL, xf->backend, "error");
	const char *relative;
	char path[256];

	if (!text)
		text = xsn_read(xf->xs, XBT_NULL, xf->backend, "hotplug-error");
	relative = strstr(xf->backend, "/backend/");
	if (!text && relative) {
		/* where Linux's backends put it */
		snprintf(path, sizeof(path), "/local/domain/%u/error%s", xf->backend_id, relative);
		text = xsn_read(xf->xs, XBT_NULL, path, "error");
	}
	if (text)
		xenfront_make_printable(text);
	return text;
}

int xenfront_set_state(struct xenfront *xf, XenbusState state)
{
	return xsn_write_state(xf->xs, XBT_NULL, xf->dir, "state", state);
}

static void drain_watch(struct xenfront *xf)
{
	char **event;

	while ((event = xs_check_watch(xf->xs)) != NULL)
		free(event);
}

/* Until the backend is in one of @states (bits). 0, -ETIMEDOUT or the store's error. */
static int await_backend(struct xenfront *xf, unsigned states, uint64_t end, XenbusState *state)
{
	for (;;) {
		struct pollfd fd = { .fd = xs_fileno(xf->xs), .events = POLLIN };
		uint64_t now;
		int rc;

		drain_watch(xf);
		rc = xenfront_read_state(xf, XBT_NULL, xf->backend, state);
		if (rc < 0 || states & STATE_BIT(*state))
			return rc;
		now = spin_now_ns();
		if (now >= end)
			return -ETIMEDOUT;
		(void)poll(&fd, 1, (end - now + NS_PER_MS - 1) / NS_PER_MS); /* looked again anyway */
	}
}

static int not_connected(struct xenfront *xf, int rc, XenbusState state)
{
	CLEANUP_FREE char *error = xenfront_error(xf);

	if (error)
		return xenfront_why(xf, rc, "the backend of %s reports: %s", xf->dir, error);
	return xenfront_why(xf, rc, "the backend of %s did not connect: it is in state %s; see its log",
		xf->dir, state == XenbusStateUnknown ? "none (no backend runs)"
						     : xenbus_state_name(state));
}

/* ---- the handshake ------------------------------------------------------------ */

static bool in_use(XenbusState state)
{
	return state >= XenbusStateInitialised && state <= XenbusStateClosing;
}

static int cannot_use(struct xenfront *xf, int rc)
{
	if (rc == -EBUSY)
		return xenfront_why(xf, rc, "%s is in use in this domain; if its user died, ask for a takeover",
			xf->dir);
	return xenfront_why(xf, rc, "cannot read and write the nodes of %s: %s", xf->dir, strerror(-rc));
}

/* Both states in one view: another process may be at the same point. */
static int begin_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	struct xenfront *xf = opaque;
	XenbusState ours, theirs;
	int rc = xenfront_read_state(xf, t, xf->dir, &ours);

	if (rc == 0)
		rc = xenfront_read_state(xf, t, xf->backend, &theirs);
	if (rc == 0 && in_use(ours) && in_use(theirs))
		rc = -EBUSY;
	if (rc < 0 || ours == XenbusStateInitialising)
		return rc;
	return xsn_write_state(xs, t, xf->dir, "state", XenbusStateInitialising);
}

/*
 * Leave what an earlier user of the device left. Our state may say Connected because the
 * kernel's driver or another process uses it, which nothing but a takeover may end.
 */
static int leave_old_connection(struct xenfront *xf, bool takeover)
{
	int rc = xsn_transaction(xf->xs, begin_fn, xf);

	if (rc == -EBUSY && takeover) {
		xf->published = true;
		xenfront_leave(xf);
		rc = xsn_transaction(xf->xs, begin_fn, xf);
	}
	return rc < 0 ? cannot_use(xf, rc) : 0;
}

int xenfront_begin(struct xenfront *xf, bool takeover)
{
	XenbusState state;
	int rc = xenfront_watch(xf, "state");

	if (rc == 0)
		rc = leave_old_connection(xf, takeover);
	if (rc < 0)
		return rc;
	rc = await_backend(xf, STATE_BIT(XenbusStateInitWait), xenfront_deadline(xf), &state);
	return rc < 0 ? not_connected(xf, rc, state) : 0;
}

struct publishing {
	struct xenfront *xf;
	XenbusState state;
	int (*write)(struct xs_handle *xs, xs_transaction_t t, void *opaque);
	void *opaque;
};

static int publish_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	const struct publishing *p = opaque;
	XenbusState ours;
	int rc = xenfront_read_state(p->xf, t, p->xf->dir, &ours);

	/* Somebody else may have found the backend waiting, too, and come first. */
	if (rc == 0 && ours != XenbusStateInitialising)
		rc = -EBUSY;
	if (rc == 0)
		rc = p->write(xs, t, p->opaque);
	return rc < 0 ? rc : xsn_write_state(xs, t, p->xf->dir, "state", p->state);
}

int xenfront_publish(struct xenfront *xf, XenbusState state,
	int (*write)(struct xs_handle *xs, xs_transaction_t t, void *opaque), void *opaque)
{
	struct publishing p = { .xf = xf, .state = state, .write = write, .opaque = opaque };
	int rc = xsn_transaction(xf->xs, publish_fn, &p);

	if (rc < 0)
		return cannot_use(xf, rc);
	xf->published = true;
	return 0;
}

int xenfront_await_connected(struct xenfront *xf)
{
	unsigned ends = STATE_BIT(XenbusStateConnected) | STATE_BIT(XenbusStateClosing) |
			STATE_BIT(XenbusStateClosed) | STATE_BIT(XenbusStateUnknown);
	XenbusState state;
	int rc = await_backend(xf, ends, xenfront_deadline(xf), &state);

	if (rc == 0 && state != XenbusStateConnected)
		rc = -EPROTO;
	return rc < 0 ? not_connected(xf, rc, state) : 0;
}

/* Each step is allowed to fail: the backend, or the store, may be gone. */
void xenfront_leave(struct xenfront *xf)
{
	unsigned gone = STATE_BIT(XenbusStateUnknown) | STATE_BIT(XenbusStateClosed) |
			STATE_BIT(XenbusStateInitialising) | STATE_BIT(XenbusStateInitWait);
	uint64_t end = xenfront_deadline(xf);
	XenbusState state;
	int rc;

	if (!xf->published)
		return;
	xf->published = false;
	/* It may have been restarted since we last asked it. */
	(void)xenfront_store_is_there(xf);
	rc = xenfront_set_state(xf, XenbusStateClosing);
	if (rc == 0)
		rc = await_backend(xf, gone | STATE_BIT(XenbusStateClosing), end, &state);
	if (rc < 0 && rc != -ETIMEDOUT)
		return;
	rc = xenfront_set_state(xf, XenbusStateClosed);
	if (rc == 0)
		rc = await_backend(xf, gone, end, &state);
	if (rc == -ETIMEDOUT)
		log_warn("%s: the backend did not close in time", xf->dir);
}

// SPDX-License-Identifier: MIT
#include "config.h"
#include "frontends/consolefront.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xen/io/console.h>
#include <xen/xen.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "common/fdpass.h"
#include "protocol/xenbus.h"
#include "xenstore/xsnode.h"

/* How long the backend may take to follow at the end. */
#define CLOSE_MS 5000u

struct consolefront {
	struct xs_handle *xs;
	xenevtchn_handle *evtchn;
	xengntshr_handle *share;
	struct xencons_interface *page;
	uint32_t ref;
	int port;
	char dir[40];
	char *backend;
	uint32_t backend_id;
	bool published;
	uint32_t out_prod, in_cons; /* ours */
};

static int say(char *why, size_t room, int error, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static int say(char *why, size_t room, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, room, fmt, ap);
	va_end(ap);
	return error;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- the store --------------------------------------------------------- */

int consolefront_state(struct consolefront *cf)
{
	XenbusState state;

	return xsn_read_state(cf->xs, XBT_NULL, cf->backend, "state", &state) == 0 ? (int)state :
										     XenbusStateUnknown;
}

static int find_backend(struct consolefront *cf, char *why, size_t room)
{
	char node[300];
	int error;

	cf->backend = xsn_read(cf->xs, XBT_NULL, cf->dir, "backend");
	if (!cf->backend)
		return say(why, room, -ENODEV, "this domain has no such console: %s/backend: %s", cf->dir,
			strerror(errno));
	error = xsn_read_u32(cf->xs, XBT_NULL, cf->dir, "backend-id", &cf->backend_id);
	if (error < 0 || cf->backend_id >= DOMID_FIRST_RESERVED)
		return say(why, room, -ENODEV, "%s/backend-id is no domain", cf->dir);
	snprintf(node, sizeof(node), "%s/state", cf->backend);
	if (!xs_watch(cf->xs, node, "backend"))
		return say(why, room, -EIO, "%s cannot be watched: %s", node, strerror(errno));
	return 0;
}

/* Until the backend is in one of @states, as bits. 0, -ETIMEDOUT, or -EIO: the store is gone. */
static int await_backend(struct consolefront *cf, unsigned states, uint64_t end)
{
	while (!(states & 1u << consolefront_state(cf))) {
		struct pollfd p = { .fd = xs_fileno(cf->xs), .events = POLLIN };
		uint64_t now = now_ms();
		char **event;

		if (now >= end)
			return -ETIMEDOUT;
		(void)poll(&p, 1, (int)(end - now < 1000 ? end - now : 1000));
		errno = 0;
		while ((event = xs_check_watch(cf->xs)))
			free(event);
		if (errno && errno != EAGAIN)
			return -EIO;
	}
	return 0;
}

static int publish_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	struct consolefront *cf = opaque;
	int error = xsn_writef(xs, t, cf->dir, "ring-ref", "%u", cf->ref);

	if (error == 0)
		error = xsn_writef(xs, t, cf->dir, "port", "%d", cf->port);
	return error < 0 ? error : xsn_write_state(xs, t, cf->dir, "state", XenbusStateInitialised);
}

static int connect_backend(struct consolefront *cf, unsigned timeout_ms, char *why, size_t room)
{
	const unsigned ends = 1u << XenbusStateConnected | 1u << XenbusStateClosing | 1u << XenbusStateClosed;
	uint64_t end = now_ms() + timeout_ms;
	int error = await_backend(cf, 1u << XenbusStateInitWait, end);

	if (error < 0)
		return say(why, room, error, "no backend waits for %s (%s)", cf->dir,
			xenbus_state_name(consolefront_state(cf)));
	error = xsn_transaction(cf->xs, publish_fn, cf);
	if (error < 0)
		return say(why, room, error, "%s: %s", cf->dir, strerror(-error));
	cf->published = true;
	error = await_backend(cf, ends, end);
	if (error == 0 && consolefront_state(cf) != XenbusStateConnected)
		error = -ENOTCONN;
	if (error < 0)
		return say(why, room, error, "the backend of %s did not connect (%s)", cf->dir,
			xenbus_state_name(consolefront_state(cf)));
	return xsn_write_state(cf->xs, XBT_NULL, cf->dir, "state", XenbusStateConnected);
}

/* --- the ring ---------------------------------------------------------- */

static int share_ring(struct consolefront *cf, char *why, size_t room)
{
	cf->share = xengntshr_open(NULL, 0);
	if (cf->share)
		cf->page = xengntshr_share_pages(cf->share, cf->backend_id, 1, &cf->ref, 1);
	if (!cf->page)
		return say(why, room, -EIO, "a page cannot be granted to domain %u: %s", cf->backend_id,
			strerror(errno));
	memset(cf->page, 0, sizeof(*cf->page));
	cf->evtchn = xenevtchn_open(NULL, 0);
	cf->port = cf->evtchn ? xenevtchn_bind_unbound_port(cf->evtchn, cf->backend_id) : -1;
	if (cf->port < 0)
		return say(why, room, -EIO, "no event channel to domain %u: %s", cf->backend_id,
			strerror(errno));
	return fd_set_nonblock(xenevtchn_fd(cf->evtchn));
}

int consolefront_notify(struct consolefront *cf)
{
	return xenevtchn_notify(cf->evtchn, (evtchn_port_t)cf->port) < 0 ? -EIO : 0;
}

ssize_t consolefront_write(struct consolefront *cf, const void *data, size_t len)
{
	/* Orders the room before the bytes that are put there; partner: the backend's publication. */
	uint32_t used = cf->out_prod - __atomic_load_n(&cf->page->out_cons, __ATOMIC_ACQUIRE);
	const uint32_t size = sizeof(cf->page->out);
	size_t n = 0;

	if (used > size)
		return -EPROTO;
	for (; n < len && used + n < size; n++)
		cf->page->out[(cf->out_prod + n) % size] = ((const char *)data)[n];
	if (!n)
		return 0;
	cf->out_prod += (uint32_t)n;
	/* Orders the bytes before the index; partner: the backend's read of it. */
	__atomic_store_n(&cf->page->out_prod, cf->out_prod, __ATOMIC_RELEASE);
	return consolefront_notify(cf) < 0 ? -EIO : (ssize_t)n;
}

ssize_t consolefront_read(struct consolefront *cf, void *data, size_t room)
{
	/* Orders the index before the bytes; partner: the backend's publication. */
	uint32_t used = __atomic_load_n(&cf->page->in_prod, __ATOMIC_ACQUIRE) - cf->in_cons;
	const uint32_t size = sizeof(cf->page->in);
	size_t n = 0;

	if (used > size)
		return -EPROTO;
	for (; n < room && n < used; n++)
		((char *)data)[n] = cf->page->in[(cf->in_cons + n) % size];
	if (!n)
		return 0;
	cf->in_cons += (uint32_t)n;
	/* Orders the reads before their room; partner: the backend's read of it. */
	__atomic_store_n(&cf->page->in_cons, cf->in_cons, __ATOMIC_RELEASE);
	return consolefront_notify(cf) < 0 ? -EIO : (ssize_t)n;
}

static int take_event(struct consolefront *cf)
{
	int port = xenevtchn_pending(cf->evtchn);

	if (port < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EIO;
	return xenevtchn_unmask(cf->evtchn, (evtchn_port_t)port) < 0 ? -EIO : 0;
}

int consolefront_wait(struct consolefront *cf, unsigned timeout_ms)
{
	struct pollfd p[2] = { { .fd = xenevtchn_fd(cf->evtchn), .events = POLLIN },
		{ .fd = xs_fileno(cf->xs), .events = POLLIN } };
	int n = poll(p, 2, (int)timeout_ms);
	char **event;

	if (n == 0)
		return -ETIMEDOUT;
	if (n > 0 && p[1].revents) {
		while ((event = xs_check_watch(cf->xs)))
			free(event);
		if (consolefront_state(cf) != XenbusStateConnected)
			return -ENOTCONN;
	}
	return n > 0 && p[0].revents ? take_event(cf) : 0;
}

struct xencons_interface *consolefront_page(struct consolefront *cf)
{
	return cf->page;
}

/* --- life -------------------------------------------------------------- */

int consolefront_open(unsigned devid, unsigned timeout_ms, struct consolefront **out, char *why,
	size_t room)
{
	struct consolefront *cf = calloc(1, sizeof(*cf));
	int error;

	if (!cf)
		return say(why, room, -ENOMEM, "out of memory");
	cf->port = -1;
	snprintf(cf->dir, sizeof(cf->dir), "device/console/%u", devid);
	cf->xs = xs_open(0);
	error = cf->xs ? find_backend(cf, why, room) :
			 say(why, room, -EIO, "the store cannot be reached: %s", strerror(errno));
	if (error == 0)
		error = share_ring(cf, why, room);
	if (error == 0)
		error = connect_backend(cf, timeout_ms, why, room);
	if (error == 0)
		*out = cf;
	else
		consolefront_close(cf);
	return error;
}

/* The backend lets go before the page is taken back. */
static void say_closed(struct consolefront *cf)
{
	const unsigned gone = 1u << XenbusStateClosed | 1u << XenbusStateUnknown | 1u << XenbusStateInitWait;

	if (xsn_write_state(cf->xs, XBT_NULL, cf->dir, "state", XenbusStateClosed) == 0)
		(void)await_backend(cf, gone, now_ms() + CLOSE_MS); /* one that is dead has let go, too */
	(void)!xsn_write_state(cf->xs, XBT_NULL, cf->dir, "state", XenbusStateInitialising);
}

void consolefront_close(struct consolefront *cf)
{
	if (!cf)
		return;
	if (cf->published)
		say_closed(cf);
	if (cf->evtchn)
		xenevtchn_close(cf->evtchn);
	if (cf->page)
		(void)xengntshr_unshare(cf->share, cf->page, 1);
	if (cf->share)
		xengntshr_close(cf->share);
	if (cf->xs)
		xs_close(cf->xs);
	free(cf->backend);
	free(cf);
}

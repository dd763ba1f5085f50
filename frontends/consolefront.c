// SPDX-License-Identifier: MIT
#include "config.h"
#include "frontends/consolefront.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/console.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/fdpass.h"
#include "frontends/xenfront.h"
#include "xenstore/xenlog.h"
#include "xenstore/xsnode.h"

struct consolefront {
	struct xenfront xf;
	xenevtchn_handle *evtchn;
	xengntshr_handle *share;
	struct xencons_interface *page;
	uint32_t ref;
	int port;
	uint32_t out_prod, in_cons; /* ours */
};

/* --- the store --------------------------------------------------------- */

/* While there is no store nothing new is heard of the backend: it is as it was, Connected. */
static int backend_state(struct consolefront *cf)
{
	XenbusState state;
	int rc;

	if (!xenfront_store_is_there(&cf->xf))
		return XenbusStateConnected;
	rc = xenfront_read_state(&cf->xf, XBT_NULL, cf->xf.backend, &state);
	return rc < 0 && xenfront_store_is_gone(&cf->xf, rc) ? XenbusStateConnected : state;
}

int consolefront_state(struct consolefront *cf)
{
	int state;

	pthread_mutex_lock(&cf->xf.lock);
	state = backend_state(cf);
	pthread_mutex_unlock(&cf->xf.lock);
	return state;
}

static int write_nodes(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	struct consolefront *cf = opaque;
	int error = xsn_writef(xs, t, cf->xf.dir, "ring-ref", "%u", cf->ref);

	return error < 0 ? error : xsn_writef(xs, t, cf->xf.dir, "port", "%d", cf->port);
}

static int connect_backend(struct consolefront *cf)
{
	int error = xenfront_publish(&cf->xf, XenbusStateInitialised, write_nodes, cf);

	if (error == 0)
		error = xenfront_await_connected(&cf->xf);
	if (error < 0)
		return error == -EPROTO ? -ENOTCONN : error;
	error = xenfront_set_state(&cf->xf, XenbusStateConnected);
	return error < 0 ? xenfront_why(&cf->xf, error, "cannot write %s/state: %s", cf->xf.dir,
				   strerror(-error)) : 0;
}

/* --- the ring ---------------------------------------------------------- */

static int share_ring(struct consolefront *cf)
{
	uint32_t domid = cf->xf.backend_id;

	cf->share = xengntshr_open(xenlog(), 0);
	if (cf->share)
		cf->page = xengntshr_share_pages(cf->share, domid, 1, &cf->ref, 1);
	if (!cf->page)
		return xenfront_why(&cf->xf, -EIO, "a page cannot be granted to domain %u: %m", domid);
	memset(cf->page, 0, sizeof(*cf->page));
	cf->evtchn = xenevtchn_open(xenlog(), 0);
	cf->port = cf->evtchn ? xenevtchn_bind_unbound_port(cf->evtchn, domid) : -1;
	if (cf->port < 0)
		return xenfront_why(&cf->xf, -EIO, "no event channel to domain %u: %m", domid);
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
	struct pollfd p[1 + XENFRONT_FDS] = { { .fd = xenevtchn_fd(cf->evtchn), .events = POLLIN } };
	int n;

	xenfront_poll_fds(&cf->xf, p + 1);
	n = poll(p, 1 + XENFRONT_FDS, (int)timeout_ms);
	if (n == 0)
		return -ETIMEDOUT;
	if (n > 0 && xenfront_take(&cf->xf, p + 1) && consolefront_state(cf) != XenbusStateConnected)
		return -ENOTCONN;
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

	if (!cf) {
		snprintf(why, room, "out of memory");
		return -ENOMEM;
	}
	cf->port = -1;
	xenfront_init(&cf->xf, "console", timeout_ms);
	error = xenfront_open(&cf->xf, devid);
	if (error == 0)
		error = xenfront_begin(&cf->xf, false);
	if (error == 0)
		error = share_ring(cf);
	if (error == 0)
		error = connect_backend(cf);
	if (error == 0) {
		*out = cf;
		return 0;
	}
	snprintf(why, room, "%s", cf->xf.why);
	consolefront_close(cf);
	return error;
}

void consolefront_close(struct consolefront *cf)
{
	if (!cf)
		return;
	/* The backend lets go before the page is taken back. */
	xenfront_leave(&cf->xf);
	if (cf->evtchn)
		xenevtchn_close(cf->evtchn);
	if (cf->page)
		(void)xengntshr_unshare(cf->share, cf->page, 1);
	if (cf->share)
		xengntshr_close(cf->share);
	xenfront_free(&cf->xf);
	free(cf);
}

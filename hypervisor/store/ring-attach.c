// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/ring-attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <xen/xen.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "common/fdpass.h"
#include "common/log.h"
#include "hypervisor/store/ring.h"

struct ring_link {
	struct ring_link *next;
	struct rings *rings;
	uint32_t domid;
	int port;
	bool due; /* to be run by the timer */
	struct ring ring;
};

struct rings {
	struct loop *loop;
	struct store **store;
	xenevtchn_handle *evtchn;
	xengnttab_handle *gnttab;
	struct loop_source *source;
	struct loop_source *timer;
	struct ring_link *links;
	struct ring_link *running; /* its own wake-ups need no timer */
};

static struct log_limit rings_log_limit = { .burst = 5, .interval_ms = 10000 };

static void rings_timer(void *opaque);

/* Have the timer run it, after all descriptors that are ready. */
static void rings_defer(struct ring_link *link)
{
	struct rings *rings = link->rings;

	link->due = true;
	if (rings->timer)
		return;
	rings->timer = loop_add_timer(rings->loop, 0, rings_timer, rings);
	if (!rings->timer && log_limit_ok(&rings_log_limit))
		log_err("domain %u's store ring waits for its next event: no memory",
			link->domid);
}

static void rings_run(struct ring_link *link)
{
	struct rings *rings = link->rings;
	unsigned flags;

	rings->running = link;
	flags = ring_run(&link->ring);
	rings->running = NULL;
	if (flags & RING_MORE)
		rings_defer(link);
	if ((flags & RING_NOTIFY) && xenevtchn_notify(rings->evtchn, link->port) < 0 &&
		log_limit_ok(&rings_log_limit))
		log_warn("domain %u cannot be notified on port %d: %s", link->domid, link->port,
			strerror(errno));
}

static void rings_timer(void *opaque)
{
	struct rings *rings = opaque;

	rings->timer = NULL;
	for (struct ring_link *link = rings->links; link; link = link->next) {
		if (!link->due)
			continue;
		link->due = false;
		rings_run(link);
	}
}

static void rings_wake(struct conn *conn)
{
	struct ring_link *link = conn->transport;

	if (link->rings->running != link)
		rings_defer(link);
}

/* One port a time; the descriptor stays readable while there are more. */
static void rings_event(void *opaque, uint32_t events)
{
	struct rings *rings = opaque;
	int port = xenevtchn_pending(rings->evtchn);
	struct ring_link *link = rings->links;

	if (port < 0) {
		/* The hypervisor is gone, and with it all domains behind rings. */
		if (errno != EAGAIN && errno != EINTR) {
			log_err("event channels are lost: %s", strerror(errno));
			loop_remove(rings->source);
			rings->source = NULL;
		}
		return;
	}
	if (xenevtchn_unmask(rings->evtchn, port) < 0 && log_limit_ok(&rings_log_limit))
		log_warn("port %d cannot be unmasked: %s", port, strerror(errno));
	while (link && link->port != port)
		link = link->next;
	if (link)
		rings_run(link);
}

struct rings *rings_new(struct loop *loop, struct store **store)
{
	struct rings *rings = calloc(1, sizeof(*rings));

	if (!rings)
		return NULL;
	rings->loop = loop;
	rings->store = store;
	return rings;
}

static void rings_close(struct rings *rings)
{
	loop_remove(rings->source);
	rings->source = NULL;
	if (rings->evtchn)
		xenevtchn_close(rings->evtchn);
	if (rings->gnttab)
		xengnttab_close(rings->gnttab);
	rings->evtchn = NULL;
	rings->gnttab = NULL;
}

void rings_free(struct rings *rings)
{
	if (!rings)
		return;
	loop_remove(rings->timer);
	rings_close(rings);
	free(rings);
}

static int rings_watch_events(struct rings *rings)
{
	int fd = xenevtchn_fd(rings->evtchn);
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	/* A read without an event must not stop the store. */
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	rings->source = loop_add_fd(rings->loop, fd, EPOLLIN, rings_event, rings);
	return rings->source ? 0 : -errno;
}

/* 0 or -errno. */
static int rings_open(struct rings *rings)
{
	int rc;

	if (rings->source)
		return 0;
	errno = 0;
	rings->evtchn = xenevtchn_open(NULL, 0);
	rings->gnttab = rings->evtchn ? xengnttab_open(NULL, 0) : NULL;
	rc = rings->gnttab ? fd_set_nonblock(xenevtchn_fd(rings->evtchn)) : errno ? -errno : -EIO;
	if (rc == 0)
		rc = rings_watch_events(rings);
	if (rc < 0) {
		log_err("the hypervisor's %s cannot be opened: %s",
			rings->evtchn ? "grant tables" : "event channels", strerror(-rc));
		rings_close(rings);
	}
	return rc;
}

/* The page and the port; logged on failure. @resumed: where the ring was; NULL: it is new */
static int ring_link_connect(struct ring_link *link, uint32_t remote_port,
	const struct ring_pos *resumed)
{
	struct rings *rings = link->rings;
	void *page = xengnttab_map_grant_ref(rings->gnttab, link->domid,
		GNTTAB_RESERVED_XENSTORE, PROT_READ | PROT_WRITE);
	int rc;

	if (!page) {
		rc = errno ? -errno : -EIO;
		log_err("domain %u's store ring (grant %u) cannot be mapped: %s", link->domid,
			GNTTAB_RESERVED_XENSTORE, strerror(-rc));
		return rc;
	}
	link->port = xenevtchn_bind_interdomain(rings->evtchn, link->domid, remote_port);
	if (link->port < 0) {
		rc = errno ? -errno : -EIO;
		log_err("domain %u's store port %u cannot be bound: %s", link->domid,
			remote_port, strerror(-rc));
		xengnttab_unmap(rings->gnttab, page, 1);
		return rc;
	}
	if (!resumed) {
		ring_init(&link->ring, page, link->ring.conn);
		return 0;
	}
	ring_resume(&link->ring, page, link->ring.conn, resumed);
	/* It waits for what the store did last, perhaps, and was not told. */
	(void)xenevtchn_notify(rings->evtchn, link->port);
	return 0;
}

static int ring_link_start(struct ring_link *link, uint32_t port)
{
	struct store *store = *link->rings->store;
	struct ring_pos pos;
	struct conn *resumed = store_take_resumed(store, link->domid, &pos);
	int rc;

	link->ring.conn = resumed ? resumed : conn_new(store, link->domid);
	if (!link->ring.conn)
		return -ENOMEM;
	link->ring.conn->transport = link;
	link->ring.conn->wake = rings_wake;
	rc = ring_link_connect(link, port, resumed ? &pos : NULL);
	if (rc < 0)
		conn_free(link->ring.conn);
	return rc;
}

struct ring_link *rings_attach(struct rings *rings, uint32_t domid, uint32_t port)
{
	struct ring_link *link = calloc(1, sizeof(*link));
	int rc = rings_open(rings);

	if (link && rc == 0) {
		link->rings = rings;
		link->domid = domid;
		rc = ring_link_start(link, port);
	}
	if (!link || rc < 0) {
		free(link);
		errno = rc < 0 ? -rc : ENOMEM;
		return NULL;
	}
	link->next = rings->links;
	rings->links = link;
	/* It may have written before the store was there. */
	rings_defer(link);
	return link;
}

void rings_detach(struct ring_link *link)
{
	struct rings *rings = link->rings;
	struct ring_link **from = &rings->links;

	while (*from != link)
		from = &(*from)->next;
	*from = link->next;
	conn_free(link->ring.conn);
	/* The domain may be gone already: there is nothing more to do then. */
	(void)xenevtchn_unbind(rings->evtchn, link->port);
	(void)xengnttab_unmap(rings->gnttab, link->ring.page, 1);
	free(link);
}

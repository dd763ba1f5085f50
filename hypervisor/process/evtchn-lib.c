// SPDX-License-Identifier: MIT
/*
 * libxenevtchn on Sluice's hypervisor.
 *
 * A handle is a connection to the hypervisor, a pipe per direction for each port,
 * and an epoll descriptor over the ports' incoming pipes. A pending port has bytes in
 * its pipe. EPOLLONESHOT is the mask: a port that xenevtchn_pending() returned is
 * silent until it is armed again, and fires at once if bytes came meanwhile.
 *
 * A handle is one thread's at a time, except that xenevtchn_notify() may be called by any.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <xenevtchn.h>

#include "common/array.h"
#include "hypervisor/process/client.h"
#include "hypervisor/process/toolcore.h"

#define PUBLIC __attribute__((visibility("default")))

/* epoll's mark of the connection itself; ports are 31 bits. */
#define MARK_CONNECTION UINT64_MAX

struct port {
	uint32_t port;
	int in;
	int out;  /* -1: a virq, which cannot be notified */
	int keep; /* the other end of @out, or -1; see pipe_keep() */
};

struct xenevtchn_handle {
	struct toolcore_handle toolcore;
	pthread_mutex_t lock; /* of the table, for xenevtchn_notify() */
	int fd;
	int epfd;
	int fd_flags; /* FD_CLOEXEC or 0, for all descriptors of the handle */
	bool gone;    /* the hypervisor, or it has closed the connection */
	struct port *ports; /* sorted by port */
	unsigned nr;
	unsigned room;
};

static int fail(int rc)
{
	errno = -rc;
	return -1;
}

/* The position of @port, or where it would be. */
static unsigned port_position(const xenevtchn_handle *xce, uint32_t port)
{
	unsigned lo = 0, hi = xce->nr;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (xce->ports[mid].port < port)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct port *port_find(const xenevtchn_handle *xce, uint32_t port)
{
	unsigned i = port_position(xce, port);

	return i < xce->nr && xce->ports[i].port == port ? &xce->ports[i] : NULL;
}

static int port_insert(xenevtchn_handle *xce, const struct port *p)
{
	unsigned i;

	pthread_mutex_lock(&xce->lock);
	if (xce->nr == xce->room) {
		unsigned room = xce->room ? xce->room * 2 : 8;
		struct port *ports = realloc(xce->ports, room * sizeof(*ports));

		if (!ports) {
			pthread_mutex_unlock(&xce->lock);
			return -ENOMEM;
		}
		xce->ports = ports;
		xce->room = room;
	}
	i = port_position(xce, p->port);
	memmove(&xce->ports[i + 1], &xce->ports[i], (xce->nr - i) * sizeof(*p));
	xce->ports[i] = *p;
	xce->nr++;
	pthread_mutex_unlock(&xce->lock);
	return 0;
}

static void port_close(const struct port *p)
{
	close(p->in);
	if (p->out >= 0)
		close(p->out);
	if (p->keep >= 0)
		close(p->keep);
}

static void port_close_fds(const xenevtchn_handle *xce, const struct port *p)
{
	/* The hypervisor has the same pipe open: closing ours does not take it out. */
	epoll_ctl(xce->epfd, EPOLL_CTL_DEL, p->in, NULL);
	port_close(p);
}

static void port_remove(xenevtchn_handle *xce, struct port *p)
{
	pthread_mutex_lock(&xce->lock);
	port_close_fds(xce, p);
	xce->nr--;
	memmove(p, p + 1, (xce->nr - (p - xce->ports)) * sizeof(*p));
	pthread_mutex_unlock(&xce->lock);
}

static int port_arm(const xenevtchn_handle *xce, const struct port *p, int op)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = p->port };

	return epoll_ctl(xce->epfd, op, p->in, &ev) < 0 ? -errno : 0;
}

static int close_remote(const xenevtchn_handle *xce, uint32_t port)
{
	struct wire_port req = { .head.op = WIRE_EVENT_CLOSE, .port = port };
	struct wire_reply reply;
	ssize_t n = hvclient_call(xce->fd, &req, sizeof(req), &reply, sizeof(reply), NULL, NULL);

	return n < 0 ? (int)n : 0;
}

/*
 * A reader of @out besides the peer and the hypervisor: when both have died, a
 * notification must not become a SIGPIPE. Opened anew, because a descriptor that the
 * peer had, too, would let us change how it reads. Where it may not be opened, as in a
 * confined program, that program has to ignore the signal.
 */
static int pipe_keep(int out)
{
	char path[32];
	int saved = errno;
	int fd;

	if (out < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", out);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	errno = saved;
	return fd;
}

/* A request that makes a port: returns it, or -1 with errno. */
static int port_make(xenevtchn_handle *xce, const void *req, size_t len)
{
	struct wire_event_reply reply;
	int fds[2] = { -1, -1 };
	unsigned nfds = 2;
	struct port p;
	ssize_t n = hvclient_call(xce->fd, req, len, &reply, sizeof(reply), fds, &nfds);
	int rc;

	if (n < 0)
		return fail(n);
	if (n != sizeof(reply) || nfds < 1)
		return fail(-EPROTO);
	p = (struct port){
		.port = reply.port, .in = fds[0], .out = fds[1], .keep = pipe_keep(fds[1])
	};
	for (unsigned i = 0; i < nfds; i++)
		(void)fcntl(fds[i], F_SETFD, xce->fd_flags);
	rc = port_arm(xce, &p, EPOLL_CTL_ADD);
	if (rc == 0)
		rc = port_insert(xce, &p);
	if (rc < 0) {
		port_close_fds(xce, &p);
		(void)close_remote(xce, p.port);
		return fail(rc);
	}
	return p.port;
}

static int restrict_callback(struct toolcore_handle *handle, uint32_t domid)
{
	xenevtchn_handle *xce = container_of(handle, xenevtchn_handle, toolcore);

	return xce->fd < 0 ? 0 : xenevtchn_restrict(xce, domid);
}

/* The epoll descriptor; the connection is in it once, so that its end is noticed. */
static int epoll_make(xenevtchn_handle *xce)
{
	struct epoll_event ev = { .events = EPOLLRDHUP | EPOLLONESHOT,
		.data.u64 = MARK_CONNECTION };

	xce->epfd = epoll_create1(xce->fd_flags ? EPOLL_CLOEXEC : 0);
	if (xce->epfd < 0 || epoll_ctl(xce->epfd, EPOLL_CTL_ADD, xce->fd, &ev) < 0)
		return -errno;
	return fcntl(xce->fd, F_SETFD, xce->fd_flags) < 0 ? -errno : 0;
}

static xenevtchn_handle *handle_new(int fd_flags)
{
	xenevtchn_handle *xce = calloc(1, sizeof(*xce));

	if (!xce)
		return NULL;
	xce->fd = xce->epfd = -1;
	xce->fd_flags = fd_flags;
	pthread_mutex_init(&xce->lock, NULL);
	xce->toolcore.restrict_callback = restrict_callback;
	xentoolcore__register_active_handle(&xce->toolcore);
	return xce;
}

static void handle_free(xenevtchn_handle *xce)
{
	for (unsigned i = 0; i < xce->nr; i++)
		port_close(&xce->ports[i]);
	if (xce->epfd >= 0)
		close(xce->epfd);
	if (xce->fd >= 0)
		close(xce->fd);
	xentoolcore__deregister_active_handle(&xce->toolcore);
	pthread_mutex_destroy(&xce->lock);
	free(xce->ports);
	free(xce);
}

PUBLIC xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	xenevtchn_handle *xce;
	int rc;

	if (flags & ~XENEVTCHN_NO_CLOEXEC) {
		errno = EINVAL;
		return NULL;
	}
	xce = handle_new(flags & XENEVTCHN_NO_CLOEXEC ? 0 : FD_CLOEXEC);
	if (!xce)
		return NULL;
	rc = hvclient_open(NULL);
	if (rc >= 0) {
		xce->fd = rc;
		rc = epoll_make(xce);
	}
	if (rc < 0) {
		handle_free(xce);
		errno = -rc;
		return NULL;
	}
	return xce;
}

/*
 * @fd is a connection to the hypervisor, as hvconn_restricted() gives one. What
 * xenevtchn_fd() returned is none: ports do not survive an exec here.
 */
PUBLIC xenevtchn_handle *xenevtchn_fdopen(
	struct xentoollog_logger *logger, int fd, unsigned open_flags)
{
	xenevtchn_handle *xce;
	uint32_t domid;
	int rc;

	if (open_flags) {
		errno = EINVAL;
		return NULL;
	}
	rc = hvclient_hello(fd, &domid);
	if (rc < 0) {
		errno = -rc;
		return NULL;
	}
	xce = handle_new(FD_CLOEXEC);
	if (!xce)
		return NULL;
	xce->fd = fd;
	rc = epoll_make(xce);
	if (rc < 0) {
		xce->fd = -1; /* stays the caller's */
		handle_free(xce);
		errno = -rc;
		return NULL;
	}
	return xce;
}

PUBLIC int xenevtchn_close(xenevtchn_handle *xce)
{
	if (xce)
		handle_free(xce);
	return 0;
}

PUBLIC int xenevtchn_fd(xenevtchn_handle *xce)
{
	return xce->epfd;
}

PUBLIC int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	const uint64_t one = 1;
	struct port *p;
	int rc = 0;

	pthread_mutex_lock(&xce->lock);
	p = port_find(xce, port);
	if (!p || p->out < 0)
		rc = -EINVAL;
	else if (write(p->out, &one, sizeof(one)) < 0 && errno != EAGAIN)
		/* EAGAIN: its pipe is full, so it is pending. */
		rc = -errno;
	pthread_mutex_unlock(&xce->lock);
	return rc < 0 ? fail(rc) : 0;
}

PUBLIC xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *xce, uint32_t domid)
{
	struct wire_domid req = { .head.op = WIRE_EVENT_UNBOUND, .domid = domid };

	return port_make(xce, &req, sizeof(req));
}

PUBLIC xenevtchn_port_or_error_t xenevtchn_bind_interdomain(
	xenevtchn_handle *xce, uint32_t domid, evtchn_port_t remote_port)
{
	struct wire_event_bind req = { .head.op = WIRE_EVENT_BIND,
		.domid = domid,
		.port = remote_port };

	return port_make(xce, &req, sizeof(req));
}

PUBLIC xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned int virq)
{
	struct wire_virq req = { .head.op = WIRE_EVENT_VIRQ, .virq = virq };

	return port_make(xce, &req, sizeof(req));
}

PUBLIC int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	struct port *p = port_find(xce, port);
	int rc;

	if (!p)
		return fail(-EINVAL);
	rc = close_remote(xce, port);
	port_remove(xce, p);
	return rc < 0 ? fail(rc) : 0;
}

/* Empties a pipe that epoll called readable; false when there was nothing after all. */
static bool port_drain(const struct port *p)
{
	char bytes[4096];
	ssize_t n;

	/* One read is enough for a pipe of a page; what a flood leaves fires again. */
	do
		n = read(p->in, bytes, sizeof(bytes));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

/*
 * The next event; 0 or -errno. Whether to wait for one is asked only when there is
 * none: under load a call costs no more than the wait.
 */
static int event_wait(xenevtchn_handle *xce, struct epoll_event *ev)
{
	int n = epoll_wait(xce->epfd, ev, 1, 0);

	if (n == 0 && xce->gone)
		return -ENODEV;
	if (n == 0 && (fcntl(xce->epfd, F_GETFL) & O_NONBLOCK))
		return -EAGAIN;
	if (n == 0)
		n = epoll_wait(xce->epfd, ev, 1, -1);
	return n < 0 ? -errno : 0;
}

PUBLIC xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	for (;;) {
		struct epoll_event ev;
		struct port *p;
		int rc = event_wait(xce, &ev);

		if (rc < 0)
			return fail(rc);
		if (ev.data.u64 == MARK_CONNECTION) {
			/* Told once by the descriptor, from then on by every call that would wait. */
			xce->gone = true;
			return fail(-ENODEV);
		}
		p = port_find(xce, ev.data.u64);
		if (!p)
			continue;
		if (port_drain(p))
			return p->port;
		(void)port_arm(xce, p, EPOLL_CTL_MOD);
	}
}

PUBLIC int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	struct port *p = port_find(xce, port);
	int rc = p ? port_arm(xce, p, EPOLL_CTL_MOD) : -EINVAL;

	return rc < 0 ? fail(rc) : 0;
}

PUBLIC int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
	int rc = hvclient_restrict(xce->fd, domid);

	return rc < 0 ? fail(rc) : 0;
}

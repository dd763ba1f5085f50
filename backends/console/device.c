// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "backends/console/budget.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "protocol/console.h"
#include "xenstore/xenlog.h"

/* Rings of bytes taken per event; a guest that writes on has its turn with the others. */
#define DEVICE_ROUND 8u

struct device {
	struct loop *loop;
	const struct device_ops *ops;
	void *opaque;
	uint32_t domid;
	xengnttab_handle *gnttab;
	xenevtchn_handle *evtchn;
	struct loop_source *source;
	struct loop_source *again;
	void *page;  /* NULL: not connected */
	int port;    /* -1: none */
	bool masked; /* an event was taken, and no other comes until it is unmasked */
	struct console_ring ring;
	struct budget budget;
	struct device_counters counters;
	bool failed;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void device_fail(struct device *d, int error)
{
	if (d->failed)
		return;
	d->failed = true;
	loop_remove(d->again);
	d->again = NULL;
	if (error != -EPROTO) {
		loop_remove(d->source);
		d->source = NULL;
		log_err("event channels are lost: %s; is the hypervisor gone?", strerror(-error));
	}
	d->ops->failed(d->opaque, error);
}

static bool device_works(const struct device *d)
{
	return d->page && !d->failed;
}

static void device_notify(struct device *d)
{
	if (xenevtchn_notify(d->evtchn, (evtchn_port_t)d->port) < 0)
		device_fail(d, -errno);
}

/* --- output ------------------------------------------------------------ */

static void serve_again(void *opaque)
{
	struct device *d = opaque;

	d->again = NULL;
	device_serve(d);
}

static void device_later(struct device *d, unsigned ms)
{
	if (!d->again)
		d->again = loop_add_timer(d->loop, ms, serve_again, d);
	if (!d->again)
		device_fail(d, -ENOMEM);
}

/* One ring's worth: more than 0, 0: nothing there, or it failed. */
static ssize_t take_ring(struct device *d)
{
	char bytes[CONSOLE_OUT_SIZE];
	ssize_t n = console_ring_copy(&d->ring, bytes, sizeof(bytes));

	if (n < 0)
		device_fail(d, (int)n);
	if (n <= 0)
		return 0;
	d->counters.bytes_out += (uint64_t)n;
	budget_output(&d->budget, (uint64_t)n, now_ns());
	d->ops->output(d->opaque, bytes, (size_t)n);
	/* Kept: now the guest has the room. It is notified after its index, or it would wait on. */
	console_ring_publish(&d->ring);
	device_notify(d);
	return d->failed ? 0 : n;
}

/* After the work: an event that came meanwhile is not lost, and one that a guest sends in vain waits. */
static void device_unmask(struct device *d)
{
	if (!d->masked || !device_works(d))
		return;
	d->masked = false;
	if (xenevtchn_unmask(d->evtchn, (evtchn_port_t)d->port) < 0)
		device_fail(d, -errno);
}

void device_serve(struct device *d)
{
	unsigned wait = 0;
	ssize_t n = 1;

	for (unsigned i = 0; i < DEVICE_ROUND && n && device_works(d); i++) {
		wait = budget_wait(&d->budget, now_ns());
		if (wait)
			break;
		n = take_ring(d);
	}
	if (!device_works(d))
		return;
	d->counters.delays += wait != 0;
	if (n)
		device_later(d, wait);
	else
		device_unmask(d);
	if (device_works(d))
		d->ops->served(d->opaque);
}

void device_drain(struct device *d)
{
	for (unsigned i = 0; i < DEVICE_ROUND && device_works(d) && take_ring(d); i++)
		;
}

static void device_event(void *opaque, uint32_t events)
{
	struct device *d = opaque;
	int port = xenevtchn_pending(d->evtchn);

	if (port < 0) {
		if (errno != EAGAIN && errno != EINTR)
			device_fail(d, -errno);
		return;
	}
	if (port != d->port || d->failed)
		return; /* of a connection that is over: it stays masked */
	d->masked = true;
	d->counters.events++;
	budget_event(&d->budget, now_ns());
	/* Once a limit is met the timer goes on. */
	if (!d->again)
		device_serve(d);
}

/* --- input ------------------------------------------------------------- */

size_t device_room(struct device *d)
{
	ssize_t room = device_works(d) ? console_ring_room(&d->ring) : 0;

	if (room < 0)
		device_fail(d, (int)room);
	return room < 0 ? 0 : (size_t)room;
}

size_t device_give(struct device *d, const char *data, size_t len)
{
	ssize_t n = device_works(d) ? console_ring_give(&d->ring, data, len) : 0;

	if (n < 0)
		device_fail(d, (int)n);
	if (n <= 0)
		return 0;
	d->counters.bytes_in += (uint64_t)n;
	device_notify(d);
	return (size_t)n;
}

/* --- connections ------------------------------------------------------- */

static int device_map(struct device *d, uint32_t ref, char *why, size_t room)
{
	d->page = xengnttab_map_grant_ref(d->gnttab, d->domid, ref, PROT_READ | PROT_WRITE);
	if (d->page)
		return 0;
	snprintf(why, room, "the console ring of domain %u (grant %u) cannot be mapped: %s", d->domid, ref,
		strerror(errno));
	return errno ? -errno : -EIO;
}

static int device_bind(struct device *d, uint32_t port, char *why, size_t room)
{
	d->port = xenevtchn_bind_interdomain(d->evtchn, d->domid, port);
	if (d->port >= 0)
		return 0;
	snprintf(why, room, "port %u of domain %u's console cannot be bound: %s", port, d->domid,
		strerror(errno));
	return errno ? -errno : -EIO;
}

int device_connect(struct device *d, uint32_t domid, uint32_t ref, uint32_t port,
	const uint32_t *place, char *why, size_t room)
{
	int error;

	d->domid = domid;
	d->failed = d->masked = false;
	error = device_map(d, ref, why, room);
	if (error == 0)
		error = device_bind(d, port, why, room);
	if (error < 0) {
		device_disconnect(d);
		return error;
	}
	console_ring_init(&d->ring, d->page);
	if (place && !console_ring_skip(&d->ring, *place))
		log_warn("the console ring is not where an earlier backend left it");
	/* Not in here: it may fail, and the caller is not connected yet. */
	device_later(d, 0);
	return 0;
}

uint32_t device_place(const struct device *d)
{
	return d->ring.out_cons;
}

void device_disconnect(struct device *d)
{
	loop_remove(d->again);
	d->again = NULL;
	if (d->ring.page)
		console_ring_leave(&d->ring);
	d->ring = (struct console_ring){ .page = NULL };
	if (d->port >= 0)
		(void)xenevtchn_unbind(d->evtchn, (evtchn_port_t)d->port);
	if (d->page)
		(void)xengnttab_unmap(d->gnttab, d->page, 1);
	d->port = -1;
	d->page = NULL;
}

/* --- life -------------------------------------------------------------- */

static int device_open(struct device *d)
{
	int error;

	d->gnttab = xengnttab_open(xenlog(), 0);
	if (!d->gnttab) {
		log_err("grant tables cannot be opened: %s; is there a hypervisor?", strerror(errno));
		return -errno;
	}
	d->evtchn = xenevtchn_open(xenlog(), 0);
	if (!d->evtchn) {
		log_err("event channels cannot be opened: %s", strerror(errno));
		return -errno;
	}
	error = fd_set_nonblock(xenevtchn_fd(d->evtchn));
	if (error < 0)
		return error;
	d->source = loop_add_fd(d->loop, xenevtchn_fd(d->evtchn), EPOLLIN, device_event, d);
	return d->source ? 0 : -errno;
}

struct device *device_new(struct loop *loop, const struct device_limits *limits,
	const struct device_ops *ops, void *opaque)
{
	struct device *d = calloc(1, sizeof(*d));
	int error;

	if (!d)
		return NULL;
	*d = (struct device){ .loop = loop, .ops = ops, .opaque = opaque, .port = -1 };
	budget_init(&d->budget, limits->bytes, limits->events);
	error = device_open(d);
	if (error == 0)
		return d;
	device_free(d);
	errno = -error;
	return NULL;
}

const struct device_counters *device_counters(const struct device *d)
{
	return &d->counters;
}

void device_free(struct device *d)
{
	if (!d)
		return;
	device_disconnect(d);
	loop_remove(d->source);
	if (d->evtchn)
		xenevtchn_close(d->evtchn);
	if (d->gnttab)
		xengnttab_close(d->gnttab);
	free(d);
}

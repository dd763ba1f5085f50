// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/device.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "backends/common/xenlog.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "protocol/console.h"

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
	void *page;
	int port;
	struct console_ring ring;
	bool failed;
};

static void device_fail(struct device *d, int error)
{
	if (d->failed)
		return;
	d->failed = true;
	loop_remove(d->source);
	d->source = NULL;
	if (error == -EPROTO)
		log_err("domain %u broke the rules of its console ring (an index runs more than a ring"
			" ahead): its console is stopped", d->domid);
	else
		log_err("event channels are lost: %s; is the hypervisor gone?", strerror(-error));
	d->ops->failed(d->opaque, error);
}

static void device_notify(struct device *d)
{
	if (xenevtchn_notify(d->evtchn, d->port) < 0)
		device_fail(d, -errno);
}

static void serve_again(void *opaque)
{
	struct device *d = opaque;

	d->again = NULL;
	device_serve(d);
}

void device_serve(struct device *d)
{
	char bytes[CONSOLE_OUT_SIZE];
	unsigned round = 0;
	ssize_t n = 0;

	while (!d->failed && round++ < DEVICE_ROUND) {
		n = console_ring_take(&d->ring, bytes, sizeof(bytes));
		if (n <= 0)
			break;
		device_notify(d);
		d->ops->output(d->opaque, bytes, (size_t)n);
	}
	if (n < 0)
		device_fail(d, (int)n);
	else if (n > 0 && !d->failed && !d->again)
		d->again = loop_add_timer(d->loop, 0, serve_again, d);
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
	if (xenevtchn_unmask(d->evtchn, (evtchn_port_t)port) < 0) {
		device_fail(d, -errno);
		return;
	}
	device_serve(d);
	if (!d->failed)
		d->ops->room(d->opaque);
}

size_t device_room(struct device *d)
{
	ssize_t room = d->failed ? 0 : console_ring_room(&d->ring);

	if (room < 0)
		device_fail(d, (int)room);
	return room < 0 ? 0 : (size_t)room;
}

size_t device_give(struct device *d, const char *data, size_t len)
{
	ssize_t n = d->failed ? 0 : console_ring_give(&d->ring, data, len);

	if (n > 0)
		device_notify(d);
	else if (n < 0)
		device_fail(d, (int)n);
	return n < 0 ? 0 : (size_t)n;
}

/* --- life -------------------------------------------------------------- */

static int device_map(struct device *d, uint32_t ref)
{
	d->gnttab = xengnttab_open(xenlog(), 0);
	if (!d->gnttab) {
		log_err("grant tables cannot be opened: %s; is there a hypervisor?", strerror(errno));
		return -errno;
	}
	d->page = xengnttab_map_grant_ref(d->gnttab, d->domid, ref, PROT_READ | PROT_WRITE);
	if (!d->page) {
		log_err("the console ring of domain %u (grant %u) cannot be mapped: %s", d->domid, ref,
			strerror(errno));
		return -errno;
	}
	console_ring_init(&d->ring, d->page);
	return 0;
}

static int device_bind(struct device *d, uint32_t port)
{
	int error;

	d->evtchn = xenevtchn_open(xenlog(), 0);
	if (!d->evtchn) {
		log_err("event channels cannot be opened: %s", strerror(errno));
		return -errno;
	}
	d->port = xenevtchn_bind_interdomain(d->evtchn, d->domid, port);
	if (d->port < 0) {
		log_err("port %u of domain %u's console cannot be bound: %s", port, d->domid,
			strerror(errno));
		return -errno;
	}
	error = fd_set_nonblock(xenevtchn_fd(d->evtchn));
	if (error < 0)
		return error;
	d->source = loop_add_fd(d->loop, xenevtchn_fd(d->evtchn), EPOLLIN, device_event, d);
	return d->source ? 0 : -errno;
}

struct device *device_open(struct loop *loop, uint32_t domid, uint32_t ref, uint32_t port,
	const struct device_ops *ops, void *opaque)
{
	struct device *d = calloc(1, sizeof(*d));
	int error;

	if (!d)
		return NULL;
	*d = (struct device){ .loop = loop, .ops = ops, .opaque = opaque, .domid = domid, .port = -1 };
	error = device_map(d, ref);
	if (error == 0)
		error = device_bind(d, port);
	if (error == 0)
		return d;
	device_close(d);
	errno = -error;
	return NULL;
}

void device_close(struct device *d)
{
	if (!d)
		return;
	loop_remove(d->source);
	loop_remove(d->again);
	if (d->evtchn)
		xenevtchn_close(d->evtchn);
	if (d->page)
		(void)xengnttab_unmap(d->gnttab, d->page, 1);
	if (d->gnttab)
		xengnttab_close(d->gnttab);
	free(d);
}

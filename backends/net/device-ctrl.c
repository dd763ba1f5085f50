// SPDX-License-Identifier: MIT
/*
 * The control ring: how the guest wants its packets spread over its queues. Served by the
 * loop, one request at a time; what it changes is in the record before it is answered.
 */
#include "config.h"
#include "backends/net/device-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <xengnttab.h>

#include "common/fdpass.h"
#include "common/log.h"

static int ctrl_copy(void *opaque, uint32_t gref, uint32_t offset, void *to, uint32_t len)
{
	struct device *d = opaque;
	struct xengnttab_grant_copy_segment op = {
		.len = (uint16_t)len,
		.flags = GNTCOPY_source_gref,
		.status = GNTST_general_error,
	};

	op.source.foreign.ref = gref;
	op.source.foreign.offset = (uint16_t)offset;
	op.source.foreign.domid = (domid_t)d->toolstack.frontend_id;
	op.dest.virt = to;
	if (xengnttab_grant_copy(d->ctrl_slot.xgt, 1, &op) < 0)
		return errno ? -errno : -EIO;
	return op.status == GNTST_okay ? 0 : -EFAULT;
}

static bool ctrl_push(struct device *d, const struct xen_netif_ctrl_response *response)
{
	bool notify;

	ring_back_put(&d->ctrl.ring, response, sizeof(*response));
	notify = ring_back_push(&d->ctrl.ring);
	record_ctrl_clear(d->ctrl.record);
	return notify;
}

static bool ctrl_serve_one(struct device *d)
{
	struct xen_netif_ctrl_request request;
	struct xen_netif_ctrl_response response;

	ring_back_get(&d->ctrl.ring, &request);
	netif_ctrl_do(&d->ctrl.state, d->shared.nqueues, &request, ctrl_copy, d, &response);
	steer_set(&d->shared.steer, &d->ctrl.state);
	record_ctrl_answer(d->ctrl.record, d->ctrl.ring.rsp_prod, &response, &d->ctrl.state);
	return ctrl_push(d, &response);
}

/* At most a ring of requests. True: there may be more, and no event is asked for. */
static bool ctrl_serve_ring(struct device *d)
{
	bool notify = false, more = true;

	for (unsigned i = 0; more && i < NETIF_CTRL_RING_SLOTS; i++) {
		int pending = ring_back_pending(&d->ctrl.ring);

		more = pending > 0 || (pending == 0 && ring_back_final_check(&d->ctrl.ring));
		if (pending > 0)
			notify |= ctrl_serve_one(d);
	}
	if (notify && xenevtchn_notify(d->ctrl_slot.xce, (evtchn_port_t)d->ctrl.port) < 0)
		log_warn("the control ring's event channel: %s", strerror(errno));
	return more;
}

static void ctrl_serve(struct device *d);

static void ctrl_serve_again(void *opaque)
{
	struct device *d = opaque;

	d->ctrl.again = NULL;
	ctrl_serve(d);
}

/* Whoever sends more than a ring has its turn with the rest of the loop. */
static void ctrl_serve(struct device *d)
{
	bool more = ctrl_serve_ring(d);

	if (d->ctrl.ring.broken) {
		device_break(d, "the frontend broke the rules of its control ring: more requests than the ring has slots; nothing is served until it closes");
		return;
	}
	if (!more || d->ctrl.again)
		return;
	d->ctrl.again = loop_add_timer(d->loop, 0, ctrl_serve_again, d);
	if (!d->ctrl.again)
		device_break(d, "out of memory: the control ring cannot be served");
}

static void ctrl_on_event(void *opaque, uint32_t events)
{
	struct device *d = opaque;
	int port = xenevtchn_pending(d->ctrl_slot.xce);

	if (port < 0) {
		if (errno != EAGAIN && errno != EINTR)
			device_break(d, "the control ring's event channel is gone");
		return;
	}
	ctrl_serve(d);
	if (!d->broken && xenevtchn_unmask(d->ctrl_slot.xce, (evtchn_port_t)port) < 0)
		device_break(d, "the control ring's event channel is gone");
}

static int ctrl_map(struct device *d, uint32_t ref, char *why, size_t room)
{
	int rc;

	d->ctrl.page = xengnttab_map_domain_grant_refs(d->ctrl_slot.xgt, 1,
		d->toolstack.frontend_id, &ref, PROT_READ | PROT_WRITE);
	if (!d->ctrl.page) {
		rc = errno ? -errno : -EIO;
		snprintf(why, room, "the control ring (grant %" PRIu32 ") cannot be mapped: %s", ref,
			strerror(-rc));
		return rc;
	}
	rc = ring_back_init(&d->ctrl.ring, d->ctrl.page, NETIF_PAGE_SIZE, NETIF_CTRL_SLOT_SIZE);
	if (rc < 0)
		snprintf(why, room, "no slot fits the control ring");
	return rc;
}

static int ctrl_bind(struct device *d, uint32_t remote, char *why, size_t room)
{
	int rc = xenevtchn_bind_interdomain(d->ctrl_slot.xce, d->toolstack.frontend_id, remote);

	d->ctrl.port = rc;
	rc = rc >= 0 ? fd_set_nonblock(xenevtchn_fd(d->ctrl_slot.xce)) : errno ? -errno : -EIO;
	if (rc == 0) {
		d->ctrl.source = loop_add_fd(d->loop, xenevtchn_fd(d->ctrl_slot.xce), EPOLLIN,
			ctrl_on_event, d);
		rc = d->ctrl.source ? 0 : -errno;
	}
	if (rc < 0)
		snprintf(why, room, "event channel %" PRIu32 " of the control ring cannot be bound: %s",
			remote, strerror(-rc));
	return rc;
}

/* What a predecessor had set, and the answer that it had recorded and not published. */
static void ctrl_resume(struct device *d, const struct record_ctrl *left)
{
	struct device_ctrl *c = &d->ctrl;

	record_ctrl_hash(left, &c->state);
	steer_set(&d->shared.steer, &c->state);
	c->record = record_adopt_ctrl(d->shared.record);
	if ((left->commit & RECORD_ANSWERED) && (uint32_t)(left->commit >> 32) == c->ring.rsp_prod &&
		ring_back_resume(&c->ring, 1) == 0)
		(void)ctrl_push(d, &left->response);
	else
		record_ctrl_clear(c->record);
	/* It may have died before it told. */
	(void)!xenevtchn_notify(d->ctrl_slot.xce, (evtchn_port_t)c->port);
}

int ctrl_connect(struct device *d, const struct netif_frontend_nodes *f,
	const struct record_ctrl *left, char *why, size_t room)
{
	struct device_ctrl *c = &d->ctrl;
	int rc;

	*c = (struct device_ctrl){ .connected = true, .port = -1 };
	rc = slot_make(&d->ctrl_slot, why, room);
	if (rc == 0)
		rc = ctrl_map(d, f->ctrl_ring_ref, why, room);
	if (rc == 0)
		rc = ctrl_bind(d, f->ctrl_channel, why, room);
	if (rc < 0) {
		ctrl_disconnect(d);
		return rc;
	}
	if (left)
		ctrl_resume(d, left);
	else
		c->record = record_begin_ctrl(d->shared.record, f->ctrl_ring_ref, f->ctrl_channel,
			&c->state);
	ctrl_serve(d);
	return 0;
}

void ctrl_stop(struct device *d)
{
	loop_remove(d->ctrl.source);
	loop_remove(d->ctrl.again);
	d->ctrl.source = d->ctrl.again = NULL;
}

void ctrl_disconnect(struct device *d)
{
	struct device_ctrl *c = &d->ctrl;

	if (!c->connected)
		return;
	ctrl_stop(d);
	record_end_ctrl(c->record);
	if (c->port >= 0)
		xenevtchn_unbind(d->ctrl_slot.xce, (evtchn_port_t)c->port);
	if (c->page)
		xengnttab_unmap(d->ctrl_slot.xgt, c->page, 1);
	memset(c, 0, sizeof(*c));
}

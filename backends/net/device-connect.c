// SPDX-License-Identifier: MIT
/* A connection: from what the frontend chose to queues that serve it, and back. */
#include "config.h"
#include "backends/net/device-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backends/net/offer.h"
#include "common/log.h"

static uint64_t connect_features(const struct netif_frontend_nodes *f,
	const struct netif_queue_nodes *n)
{
	return (f->sg ? METRICS_NET_FEATURE_SG : 0) |
	       (f->sg && f->gso_tcpv4 ? METRICS_NET_FEATURE_TSO4 : 0) |
	       (f->sg && f->gso_tcpv6 ? METRICS_NET_FEATURE_TSO6 : 0) |
	       (!f->no_csum ? METRICS_NET_FEATURE_CSUM : 0) |
	       (f->csum_ipv6 ? METRICS_NET_FEATURE_CSUM6 : 0) |
	       (n->tx_channel != n->rx_channel ? METRICS_NET_FEATURE_SPLIT : 0) |
	       (f->has_ctrl ? METRICS_NET_FEATURE_CTRL : 0) |
	       (f->rx_notify ? METRICS_NET_FEATURE_NOTIFY : 0);
}

/* A predecessor's queue, if it had the very same rings. */
static int connect_left(struct device *d, unsigned i, struct queue_setup *setup, char *why,
	size_t room)
{
	const struct record_page *left = record_predecessor(d->shared.record);

	setup->resume = &left->queue[i];
	if (memcmp(&left->queue[i].nodes, &setup->nodes, sizeof(setup->nodes)) == 0)
		return 0;
	snprintf(why, room, "its record is not about the rings of queue %u as they are now", i);
	return -EPROTO;
}

static int connect_queue(struct device *d, unsigned i, const struct netif_frontend_nodes *f,
	struct backend_dir *frontend, char *why, size_t room)
{
	struct queue_setup setup = {
		.index = i,
		.domid = d->toolstack.frontend_id,
		.limits = offer_limits(&d->offer),
		.guest = offer_guest(f),
		.rx_notify = f->rx_notify,
	};
	struct nego_error error = { "" };
	char prefix[24] = "";
	int rc;

	if (f->num_queues > 1)
		snprintf(prefix, sizeof(prefix), "queue-%u/", i);
	rc = netif_read_queue(prefix, &setup.nodes, backend_dir_read, frontend, &error);
	if (rc < 0) {
		snprintf(why, room, "%s/%s", frontend->path, error.text);
		return rc;
	}
	setup.features = connect_features(f, &setup.nodes);
	rc = d->resuming ? connect_left(d, i, &setup, why, room) : 0;
	if (rc == 0)
		rc = queue_create(&d->shared, &setup, &d->shared.queue[i], why, room);
	if (rc == 0)
		d->shared.nqueues = i + 1;
	return rc;
}

/* The same that netif_read_frontend() read at first; @f is the caller's to have cleared. */
static int connect_read(struct device *d, struct backend_dir *frontend,
	struct netif_frontend_nodes *f, char *why, size_t room)
{
	struct nego_error error = { "" };
	int rc = netif_read_frontend(&d->offer, f, backend_dir_read, frontend, &error);

	if (rc < 0)
		snprintf(why, room, "%s/%s", frontend->path, error.text);
	return rc;
}

static int connect_port(struct device *d, const struct netif_frontend_nodes *f, char *why,
	size_t room)
{
	struct frame_offload guest = offer_guest(f);
	int rc = d->ops->connect(d->shared.port, f->num_queues, &guest);

	d->port_connected = rc == 0;
	if (rc < 0)
		snprintf(why, room, "the port (%s) cannot be connected: %s", d->ops->name,
			strerror(-rc));
	return rc;
}

static int connect_ctrl(struct device *d, const struct netif_frontend_nodes *f, char *why,
	size_t room)
{
	const struct record_ctrl *left =
		d->resuming ? &record_predecessor(d->shared.record)->ctrl : NULL;

	if (left && (left->active != f->has_ctrl ||
			    (left->active && (left->ring_ref != f->ctrl_ring_ref ||
						     left->channel != f->ctrl_channel)))) {
		snprintf(why, room, "its record is not about the control ring as it is now");
		return -EPROTO;
	}
	return f->has_ctrl ? ctrl_connect(d, f, left, why, room) : 0;
}

/* All are mapped and have their threads before any serves: until then nothing has happened. */
static int connect_start(struct device *d, char *why, size_t room)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < d->shared.nqueues; i++)
		rc = queue_start(d->shared.queue[i], why, room);
	for (unsigned i = 0; rc == 0 && i < d->shared.nqueues; i++)
		queue_go(d->shared.queue[i]);
	return rc;
}

static int connect_count(struct device *d, uint32_t queues, char *why, size_t room)
{
	const struct record_page *left = record_predecessor(d->shared.record);
	uint32_t n = 0;

	while (n < NETIF_MAX_QUEUES && left->queue[n].active)
		n++;
	if (n == queues)
		return 0;
	snprintf(why, room, "its record is about %" PRIu32 " queue(s), not the %" PRIu32 " of now", n,
		queues);
	return -EPROTO;
}

static int connect_all(struct device *d, const struct netif_frontend_nodes *f,
	struct backend_dir *frontend, char *why, size_t room)
{
	int rc = d->resuming ? connect_count(d, f->num_queues, why, room) : 0;

	mcast_set_on(&d->shared.mcast, f->mcast);
	__atomic_store_n(&d->shared.xdp_headroom, f->xdp_headroom, __ATOMIC_RELAXED);
	for (unsigned i = 0; rc == 0 && i < f->num_queues; i++)
		rc = connect_queue(d, i, f, frontend, why, room);
	if (rc == 0)
		rc = connect_ctrl(d, f, why, room);
	if (rc == 0)
		rc = connect_port(d, f, why, room);
	return rc < 0 ? rc : connect_start(d, why, room);
}

int device_attach(struct device *d, struct backend_dir *frontend, char *why, size_t room)
{
	struct netif_frontend_nodes f = { 0 };
	int rc = connect_read(d, frontend, &f, why, room);

	d->broken = false;
	if (rc == 0)
		rc = connect_all(d, &f, frontend, why, room);
	if (rc < 0) {
		device_stop_queues(d); /* none has served anything: they end at once */
		device_detach(d);
		return rc;
	}
	log_info("%s: domain %" PRIu32 ", %" PRIu32 " queue(s)%s%s%s", d->resuming ? "resumed" : "connected",
		d->toolstack.frontend_id, f.num_queues, f.sg ? ", scatter-gather" : "",
		f.sg && f.gso_tcpv4 ? ", segmentation" : "", f.has_ctrl ? ", control ring" : "");
	return 0;
}

void device_read_changes(struct device *d, struct backend_dir *frontend)
{
	/* The frontend can write as often as it likes. */
	static struct log_limit limit = { .burst = 5, .interval_ms = 60000 };
	struct netif_frontend_nodes f = { 0 };
	char why[DEVICE_WHY] = "";

	if (connect_read(d, frontend, &f, why, sizeof(why)) < 0) {
		if (log_limit_ok(&limit))
			log_warn("%s; it stays as it was", why);
		return;
	}
	mcast_set_on(&d->shared.mcast, f.mcast);
	__atomic_store_n(&d->shared.xdp_headroom, f.xdp_headroom, __ATOMIC_RELAXED);
}

void device_stop_queues(struct device *d)
{
	for (unsigned i = 0; i < d->shared.nqueues; i++)
		queue_stop(d->shared.queue[i]);
}

bool device_queues_ended(const struct device *d)
{
	for (unsigned i = 0; i < d->shared.nqueues; i++)
		if (!queue_has_ended(d->shared.queue[i]))
			return false;
	return true;
}

void device_detach(struct device *d)
{
	const struct mcast_list none = { 0 };
	const struct netif_hash_state no_hash = { 0 };

	/* Until all have ended, each may hand frames to any other. */
	for (unsigned i = 0; i < d->shared.nqueues; i++)
		queue_join(d->shared.queue[i]);
	for (unsigned i = 0; i < d->shared.nqueues; i++) {
		queue_destroy(d->shared.queue[i]);
		d->shared.queue[i] = NULL;
	}
	d->shared.nqueues = 0;
	ctrl_disconnect(d);
	if (d->port_connected)
		d->ops->disconnect(d->shared.port);
	d->port_connected = false;
	mcast_set_on(&d->shared.mcast, false);
	mcast_set_list(&d->shared.mcast, &none);
	steer_set(&d->shared.steer, &no_hash);
	d->draining = false;
}

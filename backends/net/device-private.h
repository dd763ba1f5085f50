/* SPDX-License-Identifier: MIT */
/* What device.c, device-open.c, device-connect.c, device-resume.c and device-ctrl.c share. */
#ifndef SLUICE_BACKENDS_NET_DEVICE_PRIVATE_H
#define SLUICE_BACKENDS_NET_DEVICE_PRIVATE_H

#include "backends/common/backend.h"
#include "backends/net/device.h"
#include "backends/net/queue.h"
#include "protocol/ring.h"

#define DEVICE_WHY 256

/** struct device_ctrl - the control ring of a connection; served by the loop. */
struct device_ctrl {
	bool connected;
	struct ring_back ring;
	void *page;
	int port;
	struct loop_source *source;
	struct loop_source *again; /* a further turn is due; or NULL */
	struct netif_hash_state state;
	struct record_ctrl *record; /* NULL: no record */
};

struct device {
	struct loop *loop;
	struct device_options options;
	struct backend *backend;
	struct netif_toolstack_nodes toolstack;
	struct netif_backend_nodes offer;
	const struct port_ops *ops;
	struct queue_shared shared;
	bool port_connected;
	struct slot ctrl_slot; /* the control ring's handles; it has no thread */
	struct device_ctrl ctrl;
	bool draining;       /* queues were asked to stop, for a disconnect */
	bool broken;         /* the frontend broke a rule: nothing is served until it closes */
	bool resuming;       /* a connection of a predecessor's, not a new one */
	int ended_fd;
	struct loop_source *ended_source;
	int exit_status;     /* the loop's, once everything has ended */
	bool exiting;
};

/* device.c */
/** device_apply_rates() - from the toolstack's nodes; what is no rate is logged and left. */
void device_apply_rates(struct device *d);
/** device_break() - stop all I/O, keep the rings, say why. XSA-374. */
void device_break(struct device *d, const char *why);
/** device_tell_carrier() - where it is another than the store says. */
void device_tell_carrier(struct device *d);

/* device-open.c */
/** device_open_all() - everything that opens a path or a handle. 0, or an exit code. */
int device_open_all(struct device *d) must_check;
/** device_close_all() - may run twice. */
void device_close_all(struct device *d);

/* device-connect.c */
/** device_attach() - read what the frontend chose, map its rings, serve them. 0, or -errno with @why. */
int device_attach(struct device *d, struct backend_dir *frontend, char *why, size_t room) must_check;
/** device_detach() - queues have ended: let go of all that a connection has. */
void device_detach(struct device *d);
/** device_stop_queues() - ask them all. */
void device_stop_queues(struct device *d);
/** device_queues_ended() - all of them. */
bool device_queues_ended(const struct device *d);
/** device_read_changes() - what of the frontend's nodes may change while it is connected. */
void device_read_changes(struct device *d, struct backend_dir *frontend);

/* device-resume.c */
/** device_resume() - see struct backend_ops. */
int device_resume(void *opaque, struct backend_dir *frontend, char *why, size_t room);

/* device-ctrl.c */
/**
 * ctrl_connect() - map and serve the control ring.
 * @left: what a predecessor left of it; NULL: a fresh one
 * Return: 0, or -errno with @why.
 */
int ctrl_connect(struct device *d, const struct netif_frontend_nodes *f,
	const struct record_ctrl *left, char *why, size_t room) must_check;
/** ctrl_disconnect() - may run twice. */
void ctrl_disconnect(struct device *d);
/** ctrl_stop() - take no more requests; the ring stays mapped. */
void ctrl_stop(struct device *d);

#endif

// SPDX-License-Identifier: MIT
/*
 * A network interface's control side: its life, and what changes meanwhile. Runs in the
 * control thread, which waits for nothing: queues are asked to stop and tell when they have.
 * The toolstack's nodes are trusted to be meant well, the frontend's are not trusted at all.
 *
 *	device-open.c     before confinement: port, record, handles
 *	device-connect.c  a connection: what was negotiated, queues
 *	device-resume.c   a predecessor's connection
 *	device-ctrl.c     the control ring
 *	queue.c           a queue's thread; queue-open.c, its rings
 *	queue-tx.c        guest to port
 *	queue-recv.c      port to backlog; queue-rx.c, backlog to guest
 *	record.c          what survives the process
 *
 * A frontend that breaks a rule of a ring is served no more, but keeps all that it shared
 * until it closes: it may be in the middle of using it (XSA-374).
 */
#include "config.h"
#include "backends/net/device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/common/metrics.h"
#include "backends/common/ready.h"
#include "backends/net/device-private.h"
#include "common/log.h"

/* --- what we offer ------------------------------------------------------------------- */

static int device_publish(void *opaque, struct backend_dir *dir)
{
	struct device *d = opaque;

	d->offer.carrier = true;
	return nego_write(&netif_nodes, NEGO_BACKEND, NEGO_BEFORE_INITWAIT, &d->offer,
		backend_dir_write, dir);
}

/*
 * The guest's MTU, where no script says it: the node is the toolstack's to have made, so
 * that it is there and ours to write, or not.
 */
static void device_publish_mtu(struct device *d, struct backend_dir *dir)
{
	struct backend_dir frontend = { dir->xs, dir->t, d->toolstack.frontend };
	char text[12];

	if (!d->toolstack.mtu || (d->toolstack.script && d->toolstack.script[0]))
		return;
	snprintf(text, sizeof(text), "%" PRIu32, d->toolstack.mtu);
	if (backend_dir_write(&frontend, "mtu", text) < 0)
		log_debug("the frontend's node mtu is not ours to write");
}

static int device_publish_connected(void *opaque, struct backend_dir *dir)
{
	struct device *d = opaque;

	return nego_write(&netif_nodes, NEGO_BACKEND, NEGO_BEFORE_CONNECTED, &d->offer,
		backend_dir_write, dir);
}

static int device_publish_carrier(void *opaque, struct backend_dir *dir)
{
	struct device *d = opaque;

	return backend_dir_write(dir, "carrier", d->offer.carrier ? "1" : "0");
}

void device_tell_carrier(struct device *d)
{
	bool stalled = __atomic_load_n(&d->shared.stalled, __ATOMIC_ACQUIRE) != 0;
	bool carrier = !stalled && !d->broken;

	if (carrier == d->offer.carrier)
		return;
	d->offer.carrier = carrier;
	if (stalled)
		log_warn("the guest gave no buffers for a minute: its carrier is off until it does");
	else if (carrier)
		log_info("the guest gives buffers again: its carrier is on");
	(void)!backend_update(d->backend, device_publish_carrier); /* logged */
}

/* --- what the toolstack changes while we serve ------------------------------------------ */

static bool device_apply_rate(struct rate *rate, const char *node, const char *text)
{
	uint64_t bytes = 0, usec = 0;

	if (text && text[0] && netif_parse_rate(text, &bytes, &usec) < 0) {
		log_warn("the node %s is \"%.40s\", not \"bytes,microseconds\": the rate stays as it was",
			node, text);
		return false;
	}
	return rate_set(rate, bytes, usec);
}

/* One bucket per direction, whatever the number of queues. */
void device_apply_rates(struct device *d)
{
	const struct netif_toolstack_nodes *t = &d->toolstack;
	bool in = t->rate_in && t->rate_in[0];
	bool changed = device_apply_rate(&d->shared.tx_rate, "rate", t->rate);

	changed |= device_apply_rate(&d->shared.rx_rate, in ? "rate-in" : "rate", in ? t->rate_in : t->rate);
	if (!changed)
		return;
	for (unsigned i = 0; i < d->shared.nqueues; i++)
		queue_poke(d->shared.queue[i]);
	log_info("rates changed");
}

static void device_nodes_changed(void *opaque)
{
	struct device *d = opaque;
	struct backend_dir dir = backend_own_dir(d->backend);
	struct netif_toolstack_nodes now = { 0 };
	struct nego_error error = { "" };

	if (nego_read(&netif_nodes, NEGO_TOOLSTACK, &now, backend_dir_read, &dir, &error) < 0) {
		log_warn("%s/%s; all stays as it was", d->options.path, error.text);
		nego_clear(&netif_nodes, NEGO_TOOLSTACK, &now);
		return;
	}
	nego_clear(&netif_nodes, NEGO_TOOLSTACK, &d->toolstack);
	d->toolstack = now;
	device_apply_rates(d);
}

void device_look(struct device *d)
{
	device_nodes_changed(d);
}

/* Linux's backends wait for it, too: the script puts the interface where it belongs. */
static bool device_may_connect(void *opaque)
{
	const struct device *d = opaque;
	const struct netif_toolstack_nodes *t = &d->toolstack;

	return !t->script || !t->script[0] ||
	       (t->hotplug_status && strcmp(t->hotplug_status, "connected") == 0);
}

static void device_reconfigure(void *opaque, struct backend_dir *frontend)
{
	device_read_changes(opaque, frontend);
}

/* --- the end of a connection ---------------------------------------------------------------- */

static void device_log_metrics(const struct device *d)
{
	char text[1024];

	for (unsigned i = 0; i < d->shared.nqueues; i++) {
		metrics_format(queue_metric_names, queue_metrics(d->shared.queue[i]),
			METRICS_NET_COUNTERS, text, sizeof(text));
		log_info("queue %u disconnected: %s", i, text);
	}
}

/* Everything has ended: the loop does, too. */
static void device_check_exit(struct device *d)
{
	if (d->exiting && d->shared.nqueues == 0)
		loop_stop(d->loop, d->exit_status);
}

static void device_check_drained(struct device *d)
{
	if (!d->draining || !device_queues_ended(d))
		return;
	device_log_metrics(d);
	device_detach(d);
	d->broken = false;
	backend_disconnected(d->backend);
	device_check_exit(d);
}

void device_break(struct device *d, const char *why)
{
	char text[1400], counters[1024];

	if (d->broken)
		return;
	d->broken = true;
	record_note_broken(d->shared.record);
	ctrl_stop(d);
	device_stop_queues(d);
	counters[0] = '\0';
	if (d->shared.nqueues)
		metrics_format(queue_metric_names, queue_metrics(d->shared.queue[0]),
			METRICS_NET_COUNTERS, counters, sizeof(counters));
	snprintf(text, sizeof(text), "%s (queue 0: %s)", why, counters);
	backend_report(d->backend, text);
	device_tell_carrier(d);
}

static void device_on_queue(void *opaque, uint32_t events)
{
	struct device *d = opaque;
	uint64_t count;

	if (read(d->ended_fd, &count, sizeof(count)) < 0)
		return;
	for (unsigned i = 0; i < d->shared.nqueues && !d->draining; i++) {
		struct queue *q = d->shared.queue[i];
		const char *why = queue_has_ended(q) ? queue_failure(q) : NULL;

		if (why)
			device_break(d, why);
	}
	device_tell_carrier(d);
	device_check_drained(d);
}

static void device_disconnect(void *opaque)
{
	struct device *d = opaque;

	d->draining = true;
	device_stop_queues(d);
	device_check_drained(d);
}

/* --- the life ------------------------------------------------------------------------------- */

static int device_connect(void *opaque, struct backend_dir *frontend, char *why, size_t room)
{
	struct device *d = opaque;

	/* From here on a predecessor's rings are nobody's. */
	record_reset(d->shared.record);
	device_publish_mtu(d, frontend);
	return device_attach(d, frontend, why, room);
}

static void device_ready(void *opaque)
{
	struct device *d = opaque;

	ready_notify(&d->options.ready_fd);
}

static void device_ended(void *opaque, enum backend_end how)
{
	struct device *d = opaque;

	d->exiting = true;
	d->exit_status = how == BACKEND_LOST_STORE ? DEVICE_LOST_STORE : DEVICE_REMOVED;
	if (d->shared.nqueues && !d->draining) {
		d->draining = true;
		device_stop_queues(d);
	}
	device_check_drained(d);
	device_check_exit(d);
}

static const char *const device_watched[] = { "rate", "hotplug-status", NULL };

static const struct backend_ops device_ops = {
	.publish = device_publish,
	.connect = device_connect,
	.resume = device_resume,
	.publish_connected = device_publish_connected,
	.disconnect = device_disconnect,
	.ready = device_ready,
	.may_connect = device_may_connect,
	.reconfigure = device_reconfigure,
	.frontend_node = "request-multicast-control",
	.frontend_changed = device_reconfigure,
	.watched = device_watched,
	.nodes_changed = device_nodes_changed,
	.ended = device_ended,
};

static int device_begin(struct device *d)
{
	char why[DEVICE_WHY] = "";
	int status, rc;

	d->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->ended_fd >= 0)
		d->ended_source = loop_add_fd(d->loop, d->ended_fd, EPOLLIN, device_on_queue, d);
	if (!d->ended_source) {
		log_err("no eventfd: %s", strerror(errno));
		return DEVICE_USAGE;
	}
	d->shared.ended_fd = d->ended_fd;
	if (backend_open(d->loop, d->options.path, &device_ops, d, &d->backend, why,
		    sizeof(why)) < 0) {
		log_err("%s", why);
		return DEVICE_USAGE;
	}
	status = device_open_all(d);
	if (status != 0)
		return status;
	rc = backend_start(d->backend, d->toolstack.frontend);
	if (rc == 0)
		return 0;
	log_err("cannot watch the device: %s", strerror(-rc));
	return DEVICE_USAGE;
}

static void device_mcast_changed(void *opaque, const struct mcast_list *list)
{
	struct device *d = opaque;

	record_note_mcast(d->shared.record, list);
}

struct device *device_start(struct loop *loop, const struct device_options *options, int *status)
{
	struct device *d = calloc(1, sizeof(*d));

	*status = DEVICE_USAGE;
	if (!d)
		return NULL;
	d->loop = loop;
	d->options = *options;
	d->ended_fd = -1;
	d->shared.poll_us = options->poll_us;
	rate_init(&d->shared.tx_rate);
	rate_init(&d->shared.rx_rate);
	mcast_init(&d->shared.mcast, device_mcast_changed, d);
	steer_init(&d->shared.steer);
	*status = device_begin(d);
	if (*status == 0)
		return d;
	device_free(d);
	return NULL;
}

void device_stop(struct device *d)
{
	backend_stop(d->backend);
}

void device_free(struct device *d)
{
	if (!d)
		return;
	device_stop_queues(d); /* where the loop ended early: joins them once they drained */
	device_detach(d);
	device_close_all(d);
	backend_close(d->backend);
	loop_remove(d->ended_source);
	if (d->ended_fd >= 0)
		close(d->ended_fd);
	if (d->options.ready_fd >= 0)
		close(d->options.ready_fd);
	nego_clear(&netif_nodes, NEGO_TOOLSTACK, &d->toolstack);
	rate_dispose(&d->shared.tx_rate);
	rate_dispose(&d->shared.rx_rate);
	mcast_dispose(&d->shared.mcast);
	steer_dispose(&d->shared.steer);
	free(d);
}

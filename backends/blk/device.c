// SPDX-License-Identifier: MIT
/*
 * A block device's control side. Runs in the control thread, which never waits for
 * storage: queues are asked to stop and tell when they have. The toolstack's nodes
 * are trusted to be meant well, the frontend's are not trusted at all.
 */
#include "config.h"
#include "backends/blk/device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/blk/device-private.h"
#include "backends/blk/offer.h"
#include "backends/blk/queue.h"
#include "backends/common/backend.h"
#include "backends/common/metrics.h"
#include "backends/common/ready.h"
#include "common/log.h"
#include "protocol/blkif-nodes.h"

#define DEVICE_STOP_MS 10000u

/* --- what we offer ------------------------------------------------------------------- */

static int device_publish(void *opaque, struct backend_dir *dir)
{
	struct device *d = opaque;

	return nego_write(&blkif_nodes, NEGO_BACKEND, NEGO_BEFORE_INITWAIT, &d->offer,
		backend_dir_write, dir);
}

static int device_publish_connected(void *opaque, struct backend_dir *dir)
{
	struct device *d = opaque;

	return nego_write(&blkif_nodes, NEGO_BACKEND, NEGO_BEFORE_CONNECTED, &d->offer,
		backend_dir_write, dir);
}

/* --- what the toolstack changes while we serve ------------------------------------------ */

void device_apply_limits(struct device *d, const struct blkif_toolstack_nodes *t)
{
	struct limit_rate rate[LIMIT_KINDS];

	for (unsigned i = 0; i < LIMIT_KINDS; i++)
		rate[i] = (struct limit_rate){ t->limit[i], t->limit_burst[i] };
	if (!limit_set(&d->shared.limit, rate))
		return;
	for (unsigned i = 0; i < d->nqueues; i++)
		queue_poke(d->queue[i]);
	log_info("limits changed");
}
_Static_assert((int)BLKIF_RATES == (int)LIMIT_KINDS &&
		(int)BLKIF_RATE_WRITE_BPS == (int)LIMIT_WRITE_BPS, "the same kinds in the same order");

static int device_publish_size(void *opaque, struct backend_dir *dir)
{
	struct device *d = opaque;
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, d->offer.sectors);
	return backend_dir_write(dir, "sectors", text);
}

/* Shrinking: requests beyond the new end are refused before the frontend hears of it. */
void device_tell_size(struct device *d)
{
	uint64_t before = d->offer.sectors;

	d->offer.sectors = offer_sectors(&d->offer, io_info(d->shared.io));
	if (d->offer.sectors == before)
		return;
	/* Release: before the guest is told, so that who takes its requests finds it. See request_learn_size(). */
	__atomic_store_n(&d->shared.sectors, d->offer.sectors, __ATOMIC_RELEASE);
	log_info("the disk has %" PRIu64 " sectors of 512 bytes now, %" PRIu64 " before",
		d->offer.sectors, before);
	(void)!backend_update(d->backend, device_publish_size); /* logged */
}

void device_check_size(struct device *d)
{
	int rc = d->shared.io ? io_refresh(d->shared.io) : 0;

	if (rc < 0)
		log_err("the storage's size cannot be looked at: %s", strerror(-rc));
	if (rc > 0)
		device_tell_size(d);
}

static void device_nodes_changed(void *opaque)
{
	struct device *d = opaque;
	struct backend_dir dir = backend_own_dir(d->backend);
	struct blkif_toolstack_nodes now = { 0 };
	struct nego_error error = { "" };

	if (nego_read(&blkif_nodes, NEGO_TOOLSTACK, &now, backend_dir_read, &dir, &error) < 0) {
		log_warn("%s/%s; the limits stay as they were", d->options.path, error.text);
	} else {
		device_apply_limits(d, &now);
		if (strcmp(now.resize, d->toolstack.resize) != 0) {
			free(d->toolstack.resize);
			d->toolstack.resize = now.resize;
			now.resize = NULL;
			device_check_size(d);
		}
	}
	nego_clear(&blkif_nodes, NEGO_TOOLSTACK, &now);
}

/* --- disconnecting ---------------------------------------------------------------------- */

static void device_log_metrics(const struct device *d)
{
	char text[1024];

	for (unsigned i = 0; i < d->nqueues; i++) {
		metrics_format(queue_metric_names, queue_metrics(d->queue[i]), QUEUE_METRICS,
			text, sizeof(text));
		log_info("queue %u disconnected: %s", i, text);
	}
}

static bool device_queues_ended(const struct device *d)
{
	for (unsigned i = 0; i < d->nqueues; i++)
		if (!queue_has_ended(d->queue[i]))
			return false;
	return true;
}

static void device_destroy_queues(struct device *d)
{
	for (unsigned i = 0; i < d->nqueues; i++) {
		queue_destroy(d->queue[i]);
		d->queue[i] = NULL;
	}
	d->nqueues = 0;
	d->draining = false;
}

static void device_stop_queues(struct device *d)
{
	d->draining = true;
	for (unsigned i = 0; i < d->nqueues; i++)
		queue_stop(d->queue[i]);
}

/* Everything has ended: the loop does, too. */
static void device_check_exit(struct device *d)
{
	if (d->exiting && d->nqueues == 0)
		loop_stop(d->loop, d->exit_status);
}

static void device_check_drained(struct device *d)
{
	if (!d->draining || !device_queues_ended(d))
		return;
	device_log_metrics(d);
	device_destroy_queues(d);
	backend_disconnected(d->backend);
	device_check_exit(d);
}

static void device_on_queue_told(void *opaque, uint32_t events)
{
	struct device *d = opaque;
	uint64_t count;

	if (read(d->ended_fd, &count, sizeof(count)) < 0)
		return;
	/* Acquire: with queue_on_resized(). */
	if (__atomic_exchange_n(&d->shared.resized, false, __ATOMIC_ACQUIRE))
		device_check_size(d);
	for (unsigned i = 0; i < d->nqueues && !d->draining; i++) {
		const char *why = queue_has_ended(d->queue[i]) ? queue_failure(d->queue[i]) :
								 NULL;

		if (why) {
			backend_fail(d->backend, why);
			return; /* device_disconnect() went on from there */
		}
	}
	device_check_drained(d);
}

static void device_disconnect(void *opaque)
{
	struct device *d = opaque;

	device_stop_queues(d);
	device_check_drained(d);
}

/* --- connecting --------------------------------------------------------------------------- */

static uint64_t device_features(const struct device *d, bool persistent, enum blkif_abi abi)
{
	const struct blkif_backend_nodes *o = &d->offer;

	return (persistent ? METRICS_FEATURE_PERSISTENT : 0) |
	       (o->max_indirect_segments ? METRICS_FEATURE_INDIRECT : 0) |
	       (o->flush_cache ? METRICS_FEATURE_FLUSH : 0) |
	       (o->barrier ? METRICS_FEATURE_BARRIER : 0) |
	       (o->discard ? METRICS_FEATURE_DISCARD : 0) |
	       (o->discard_secure ? METRICS_FEATURE_SECURE : 0) |
	       (offer_is_readonly(o) ? METRICS_FEATURE_READONLY : 0) |
	       (abi == BLKIF_ABI_X86_32 ? METRICS_FEATURE_ABI32 : 0);
}

static int device_connect_queue(struct device *d, unsigned i, const struct blkif_frontend_nodes *f,
	enum blkif_abi abi, struct backend_dir *frontend, char *why, size_t room)
{
	struct queue_setup setup = {
		.index = i,
		.domid = d->toolstack.frontend_id,
		.abi = abi,
		.persistent = f->persistent && d->offer.persistent,
		.limits = offer_limits(&d->offer),
		.resume = d->resuming,
		.ended_fd = d->ended_fd,
	};
	struct nego_error error = { "" };
	char prefix[24] = "";
	int rc;

	setup.features = device_features(d, setup.persistent, abi);
	if (f->num_queues > 1)
		snprintf(prefix, sizeof(prefix), "queue-%u/", i);
	rc = blkif_read_queue(prefix, d->offer.max_ring_page_order, &setup.nodes,
		backend_dir_read, frontend, &error);
	if (rc < 0) {
		snprintf(why, room, "%s/%s", frontend->path, error.text);
		return rc;
	}
	rc = queue_create(&d->shared, &setup, &d->queue[i], why, room);
	if (rc == 0)
		d->nqueues = i + 1;
	return rc;
}

/* All are mapped and have their threads before any serves: until then nothing can be in flight. */
static int device_start_queues(struct device *d, char *why, size_t room)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < d->nqueues; i++)
		rc = queue_start(d->queue[i], why, room);
	for (unsigned i = 0; rc == 0 && i < d->nqueues; i++)
		queue_go(d->queue[i]);
	return rc;
}

static int device_read_frontend(struct device *d, struct backend_dir *frontend,
	struct blkif_frontend_nodes *f, enum blkif_abi *abi, char *why, size_t room)
{
	struct nego_error error = { "" };
	int rc = nego_read(&blkif_nodes, NEGO_FRONTEND, f, backend_dir_read, frontend, &error);

	if (rc < 0) {
		snprintf(why, room, "%s/%s", frontend->path, error.text);
		return rc;
	}
	if (f->num_queues > d->offer.max_queues) {
		snprintf(why, room, "%s/multi-queue-num-queues is %" PRIu32 "; at most %" PRIu32
			" was offered", frontend->path, f->num_queues, d->offer.max_queues);
		return -ERANGE;
	}
	rc = blkif_abi_parse(f->protocol, abi);
	if (rc < 0)
		snprintf(why, room, "%s/protocol is \"%.32s\"; known are x86_64-abi and x86_32-abi",
			frontend->path, f->protocol);
	return rc;
}

int device_attach(struct device *d, struct backend_dir *frontend, char *why, size_t room)
{
	struct blkif_frontend_nodes f = { 0 };
	enum blkif_abi abi = BLKIF_ABI_NATIVE;
	int rc = device_read_frontend(d, frontend, &f, &abi, why, room);

	if (rc == 0 && d->resuming)
		rc = device_check_sections(d, f.num_queues, why, room);

	for (unsigned i = 0; rc == 0 && i < f.num_queues; i++)
		rc = device_connect_queue(d, i, &f, abi, frontend, why, room);
	if (rc == 0)
		rc = device_start_queues(d, why, room);
	if (rc == 0) {
		log_info("%s: domain %" PRIu32 ", %" PRIu32 " queue(s), %s, %s",
			d->resuming ? "resumed" : "connected", d->toolstack.frontend_id, f.num_queues, blkif_abi_name(abi),
			f.persistent ? "persistent grants" : "grant copy");
	} else {
		/* None of these has been told to serve: they end at once. */
		device_stop_queues(d);
		device_destroy_queues(d);
	}
	nego_clear(&blkif_nodes, NEGO_FRONTEND, &f);
	return rc;
}

static int device_connect(void *opaque, struct backend_dir *frontend, char *why, size_t room)
{
	struct device *d = opaque;

	/* From here on a predecessor's requests are nobody's. */
	journal_reset(d->shared.journal, io_info(d->shared.io)->identity);
	return device_attach(d, frontend, why, room);
}

/* --- starting and ending -------------------------------------------------------------------- */

static void device_ready(void *opaque)
{
	struct device *d = opaque;

	ready_notify(&d->options.ready_fd);
}

/*
 * No queue is left. A server's way is one of the things that go away then. A logical volume, which
 * takes longer, is only closed now; it is deactivated by device_free().
 */
static void device_release(void *opaque)
{
	struct device *d = opaque;

	io_close(d->shared.io);
	d->shared.io = NULL;
}

static void device_ended(void *opaque, enum backend_end how)
{
	struct device *d = opaque;

	d->exiting = true;
	d->exit_status = how == BACKEND_LOST_STORE ? DEVICE_LOST_STORE : DEVICE_REMOVED;
	if (d->nqueues && !d->draining)
		device_stop_queues(d);
	device_check_exit(d);
}

static const char *const device_watched[] = { "limit-", "resize", NULL };

static const struct backend_ops device_ops = {
	.publish = device_publish,
	.connect = device_connect,
	.resume = device_resume,
	.publish_connected = device_publish_connected,
	.disconnect = device_disconnect,
	.ready = device_ready,
	.watched = device_watched,
	.nodes_changed = device_nodes_changed,
	.release = device_release,
	.ended = device_ended,
};

static int device_begin(struct device *d)
{
	char why[DEVICE_WHY] = "";
	int status, rc;

	d->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->ended_fd >= 0)
		d->ended_source = loop_add_fd(
			d->loop, d->ended_fd, EPOLLIN, device_on_queue_told, d);
	if (!d->ended_source) {
		log_err("no eventfd: %s", strerror(errno));
		return DEVICE_USAGE;
	}
	if (backend_open(d->loop, d->options.path, &device_ops, d, &d->backend, why,
		    sizeof(why)) < 0) {
		log_err("%s", why);
		return DEVICE_USAGE;
	}
	status = device_open_all(d);
	if (status != 0)
		return status;
	d->shared.sectors = d->offer.sectors;
	rc = device_target_watch(d);
	if (rc == 0)
		rc = backend_start(d->backend, d->toolstack.frontend);
	if (rc == 0)
		return 0;
	log_err("cannot watch the device: %s", strerror(-rc));
	return DEVICE_USAGE;
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
	queue_shared_init(&d->shared);
	d->shared.poll_us = options->poll_us;
	*status = device_begin(d);
	if (*status == 0)
		return d;
	device_free(d);
	return NULL;
}

static void device_give_up(void *opaque)
{
	log_err("requests in flight did not end within %u s; leaving them to the kernel",
		DEVICE_STOP_MS / 1000);
	/* Threads wait in the kernel for storage: joining them is what would hang. */
	_exit(DEVICE_STUCK);
}

void device_stop(struct device *d)
{
	if (!loop_add_timer(d->loop, DEVICE_STOP_MS, device_give_up, d))
		log_warn("no timer: the end may take as long as the storage does");
	backend_stop(d->backend);
}

void device_free(struct device *d)
{
	if (!d)
		return;
	device_stop_queues(d); /* where the loop ended early: joins them once they drained */
	device_destroy_queues(d);
	io_close(d->shared.io);
	device_target_release(d);
	journal_close(d->shared.journal);
	metrics_page_close(d->shared.metrics);
	backend_close(d->backend);
	loop_remove(d->ended_source);
	if (d->ended_fd >= 0)
		close(d->ended_fd);
	if (d->options.ready_fd >= 0)
		close(d->options.ready_fd);
	nego_clear(&blkif_nodes, NEGO_TOOLSTACK, &d->toolstack);
	queue_shared_dispose(&d->shared);
	free(d);
}

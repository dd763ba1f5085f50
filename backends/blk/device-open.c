// SPDX-License-Identifier: MIT
/* What a device serves from: opened, then all else given up, then connected. Control thread. */
#include "config.h"
#include "backends/blk/device-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/blk/offer.h"
#include "backends/common/backend.h"
#include "backends/common/metrics.h"
#include "common/log.h"
#include "common/servers.h"

static int device_read_toolstack(struct device *d)
{
	struct backend_dir dir = backend_own_dir(d->backend);
	struct nego_error error = { "" };
	char why[DEVICE_WHY];
	int rc;

	rc = nego_read(&blkif_nodes, NEGO_TOOLSTACK, &d->toolstack, backend_dir_read, &dir, &error);
	if (rc == 0) {
		d->readonly = d->toolstack.mode[0] == 'r';
		device_apply_limits(d, &d->toolstack);
		return 0;
	}
	snprintf(why, sizeof(why), "%s/%s", d->options.path, error.text);
	backend_refuse(d->backend, why);
	return rc;
}

/* Once: what is waited for is the storage. */
static int device_resolve(struct device *d, char *why, size_t room)
{
	const struct target_wish wish = {
		.driver = d->options.driver ? d->options.driver : d->toolstack.driver,
		.readonly = d->readonly,
		.shared = d->toolstack.shared,
		.user = d->options.path,
	};
	/* A script's is a path, whatever params means to the script. */
	const char *name = d->toolstack.device_path ? d->toolstack.device_path : d->toolstack.params;

	if (d->target.driver)
		return 0;
	return target_resolve(name ? name : "", &wish, &d->target, why, room);
}

static int device_make_offer(struct device *d, char *why, size_t room)
{
	return offer_make(&d->toolstack, io_info(d->shared.io), d->options.max_queues, &d->offer,
		why, room);
}

static int device_open_storage(struct device *d, char *why, size_t room)
{
	struct blk_conf conf = { .readonly = d->readonly, .buffered = d->toolstack.buffered,
		.shared = d->toolstack.shared };
	int rc = device_resolve(d, why, room);

	if (rc < 0)
		return rc;
	conf.filename = d->target.filename;
	conf.device = d->options.path;
	conf.range_start = d->target.start;
	conf.range_length = d->target.length;
	conf.own_server = d->target.own_server;
	rc = io_open(d->target.driver, &conf, &d->shared.io, why, room);
	/* What will be offered is not known yet; what is prepared is enough for all that may be. */
	d->offer.max_queues = d->options.max_queues;
	return rc < 0 || io_attaches_later(d->shared.io) ? rc : device_make_offer(d, why, room);
}

static int device_attach_storage(struct device *d, char *why, size_t room)
{
	int rc = io_attach(d->shared.io, why, room);

	return rc < 0 ? rc : device_make_offer(d, why, room);
}

/* 0, or an exit code. */
static int device_await_storage(struct device *d, int (*open)(struct device *d, char *why, size_t room))
{
	char why[DEVICE_WHY] = "";
	int rc = device_has_predecessor(d) ? device_await_fence(d, open, why, sizeof(why)) :
		open(d, why, sizeof(why));

	if (rc == -EBUSY && device_has_predecessor(d)) {
		/* Its frontend goes on waiting, for a backend that is started later. */
		log_err("I/O of an earlier backend of this disk is still under way, or somebody took its storage meanwhile: %s",
			why);
		return DEVICE_USAGE;
	}
	if (rc < 0)
		backend_refuse(d->backend, why);
	return rc < 0 ? DEVICE_NO_STORAGE : 0;
}

static int device_open_journal(struct device *d, char *why, size_t room)
{
	int rc;

	if (!d->options.journal)
		return 0;
	rc = journal_open(d->options.journal, d->options.path, d->toolstack.frontend_id,
		&d->shared.journal);
	if (rc < 0) {
		snprintf(why, room, "journal %s: %s", d->options.journal,
			rc == -EBUSY ? "another backend writes it, or I/O of one that died is still under way" :
					strerror(-rc));
		return rc;
	}
	d->shared.flush_error = journal_flush_error(d->shared.journal);
	if (d->shared.flush_error)
		log_err("journal %s: a flush failed in an earlier backend of this disk (%s); every flush fails until the disk is attached with a new journal",
			d->options.journal, strerror(-d->shared.flush_error));
	return 0;
}

/* A disk that nobody can watch serves its guest all the same. */
static void device_open_metrics(struct device *d)
{
	int rc;

	if (!d->options.metrics)
		return;
	rc = metrics_page_open(d->options.metrics, d->offer.max_queues, &d->shared.metrics);
	if (rc < 0)
		log_warn("metrics %s: %s; the disk is served without them", d->options.metrics,
			strerror(-rc));
}

/* What later connections need is opened now; after this no path leads anywhere. 0, or an exit code. */
static int device_confine(struct device *d)
{
	struct servers servers = { .count = 0 };
	char why[DEVICE_WHY] = "";

	if (!d->options.confine)
		return 0;
	if (queue_shared_prepare(&d->shared, d->offer.max_queues, why, sizeof(why)) < 0) {
		backend_refuse(d->backend, why);
		return DEVICE_USAGE;
	}
	if (io_servers(d->shared.io, &servers, why, sizeof(why)) < 0) {
		backend_refuse(d->backend, why);
		return DEVICE_NO_STORAGE;
	}
	return d->options.confine(d->target.driver, &servers) < 0 ? DEVICE_USAGE : 0;
}

/* Everything that opens a path. */
static int device_open_paths(struct device *d)
{
	char why[DEVICE_WHY] = "";
	int rc, status;

	if (device_read_toolstack(d) < 0)
		return DEVICE_USAGE;
	rc = device_await_fence(d, device_open_journal, why, sizeof(why));
	if (rc < 0 && rc != -EBUSY)
		backend_refuse(d->backend, why);
	else if (rc < 0)
		log_err("%s", why); /* it is that backend's device */
	if (rc < 0)
		return DEVICE_USAGE;
	status = device_await_storage(d, device_open_storage);
	if (status == 0)
		device_open_metrics(d);
	return status;
}

int device_open_all(struct device *d)
{
	int status = device_open_paths(d);

	if (status == 0)
		status = device_confine(d);
	if (status == 0 && io_attaches_later(d->shared.io))
		status = device_await_storage(d, device_attach_storage);
	if (status != 0)
		return status;
	metrics_page_storage(d->shared.metrics, d->target.driver->name, d->offer.sector_size);
	metrics_page_size(d->shared.metrics, d->offer.sectors);
	return 0;
}

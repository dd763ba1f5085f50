// SPDX-License-Identifier: MIT
/* What an interface is served with: opened before the process is confined. Control thread. */
#include "config.h"
#include "backends/net/device-private.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backends/net/offer.h"
#include "common/log.h"

/* Shorter than the daemon waits for READY; it starts the next one that waits. */
#define OPEN_LOCK_MS 8000u

static int open_toolstack(struct device *d)
{
	struct backend_dir dir = backend_own_dir(d->backend);
	struct nego_error error = { "" };
	char why[DEVICE_WHY];

	if (nego_read(&netif_nodes, NEGO_TOOLSTACK, &d->toolstack, backend_dir_read, &dir, &error) == 0)
		return 0;
	snprintf(why, sizeof(why), "%s/%s", d->options.path, error.text);
	backend_refuse(d->backend, why);
	return -EINVAL;
}

/* A predecessor that was killed may take a moment to be gone. */
static int open_record_wait(struct device *d)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int rc = -EBUSY;

	for (unsigned ms = 0; rc == -EBUSY && ms < OPEN_LOCK_MS; ms++) {
		if (ms)
			nanosleep(&pause, NULL);
		rc = record_open(d->options.journal, d->options.path, d->toolstack.frontend_id,
			&d->shared.record);
	}
	return rc;
}

static int open_record(struct device *d)
{
	int rc = d->options.journal ? open_record_wait(d) : 0;

	if (rc == -EBUSY)
		log_err("journal %s: another backend writes it", d->options.journal);
	else if (rc < 0)
		log_err("journal %s: %s", d->options.journal, strerror(-rc));
	return rc;
}

static const struct port_ops *open_find_kind(struct device *d, char *why, size_t room)
{
	const char *name = d->toolstack.attach;
	const struct port_ops *ops;

	if (d->options.ops)
		return d->options.ops;
	if (!name || !name[0])
		name = "tap";
	ops = port_ops_find(name);
	if (!ops && port_ops_missing(name))
		snprintf(why, room, "attach %s: %s", name, port_ops_missing(name));
	else if (!ops)
		snprintf(why, room, "there is no kind of attachment \"%.32s\"; --help lists them", name);
	return ops;
}

/* The script, where there is one, renames it and puts it on the bridge. */
static void open_port_config(struct device *d, struct port_config *config, char *name, size_t room)
{
	const struct netif_toolstack_nodes *t = &d->toolstack;
	bool script = t->script && t->script[0];

	snprintf(name, room, "vif%" PRIu32 ".%" PRIu32, t->frontend_id, t->handle);
	*config = (struct port_config){
		.name = !script && t->vifname && t->vifname[0] ? t->vifname : name,
		.device = t->device && t->device[0] ? t->device : NULL,
		.bridge = !script && t->bridge && t->bridge[0] ? t->bridge : NULL,
		.forward = t->forward && t->forward[0] ? t->forward : NULL,
		.mtu = t->mtu,
		.queues = d->offer.max_queues,
	};
}

static int open_mac(const struct device *d, uint8_t mac[6], char *why, size_t room)
{
	const char *text = d->toolstack.mac;

	if (!text || !text[0] || netif_parse_mac(text, mac) == 0)
		return 0;
	snprintf(why, room, "%s/mac is \"%.32s\", which is no interface's address", d->options.path, text);
	return -EINVAL;
}

static int open_port(struct device *d, char *why, size_t room)
{
	struct port_config config;
	unsigned queues = d->options.max_queues;
	char name[IFNAMSIZ + 16];
	int rc;

	d->ops = open_find_kind(d, why, room);
	if (!d->ops)
		return -EINVAL;
	if (d->ops->max_queues && queues > d->ops->max_queues)
		queues = d->ops->max_queues;
	offer_make(queues, &d->offer);
	open_port_config(d, &config, name, sizeof(name));
	rc = open_mac(d, config.mac, why, room);
	if (rc == 0)
		rc = d->ops->open(&config, &d->shared.port, why, room);
	d->shared.ops = d->ops;
	return rc;
}

/* What later connections need: after confinement no device can be opened any more. */
static int open_slots(struct device *d, char *why, size_t room)
{
	int rc = slot_make(&d->ctrl_slot, why, room);

	for (unsigned i = 0; rc == 0 && i < d->offer.max_queues; i++)
		rc = slot_make(&d->shared.slot[i], why, room);
	return rc;
}

/* An interface that nobody can watch serves its guest all the same. */
static void open_metrics(struct device *d)
{
	int rc;

	if (!d->options.metrics)
		return;
	rc = metrics_page_open(d->options.metrics, d->offer.max_queues, &d->shared.metrics);
	if (rc < 0)
		log_warn("metrics %s: %s; the interface is served without them", d->options.metrics,
			strerror(-rc));
	metrics_page_vif(d->shared.metrics, d->ops->name);
}

int device_open_all(struct device *d)
{
	char why[DEVICE_WHY] = "";

	if (open_toolstack(d) < 0 || open_record(d) < 0)
		return DEVICE_USAGE;
	if (open_port(d, why, sizeof(why)) < 0) {
		backend_refuse(d->backend, why);
		return DEVICE_NO_PORT;
	}
	if (open_slots(d, why, sizeof(why)) < 0) {
		backend_refuse(d->backend, why);
		return DEVICE_USAGE;
	}
	open_metrics(d);
	device_apply_rates(d);
	return d->options.confine && d->options.confine(d->ops) < 0 ? DEVICE_USAGE : 0;
}

void device_close_all(struct device *d)
{
	if (d->shared.port)
		d->ops->close(d->shared.port);
	d->shared.port = NULL;
	for (unsigned i = 0; i < NETIF_MAX_QUEUES; i++)
		slot_dispose(&d->shared.slot[i]);
	slot_dispose(&d->ctrl_slot);
	record_close(d->shared.record);
	metrics_page_close(d->shared.metrics);
	d->shared.record = NULL;
	d->shared.metrics = NULL;
}

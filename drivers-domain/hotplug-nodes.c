// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/hotplug-nodes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/xsnode.h"

#define STATUS "hotplug-status"

struct nodes_change {
	const char *leaf;
	const char *status;
	const char *error; /* NULL: none */
	bool clear_storage;
};

/* Nobody may be made to believe in a device that was removed: none of its nodes comes back. */
static int nodes_change_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	const struct nodes_change *c = opaque;
	CLEANUP_FREE char *frontend = xsn_read(xs, t, c->leaf, "frontend-id");
	CLEANUP_FREE char *said = NULL;
	int rc = 0;

	if (!frontend)
		return errno == ENOENT ? 0 : -errno;
	said = xsn_read(xs, t, c->leaf, "hotplug-error");
	if (!c->error)
		rc = xsn_rm(xs, t, c->leaf, "hotplug-error");
	else if (!said)
		rc = xsn_write(xs, t, c->leaf, "hotplug-error", c->error);
	if (rc == 0 && c->clear_storage)
		rc = xsn_rm(xs, t, c->leaf, "physical-device");
	if (rc == 0 && c->clear_storage)
		rc = xsn_rm(xs, t, c->leaf, "physical-device-path");
	return rc ? rc : xsn_write(xs, t, c->leaf, STATUS, c->status);
}

static int nodes_change(struct xs_handle *xs, struct nodes_change c)
{
	return xsn_transaction(xs, nodes_change_fn, &c);
}

int hotplug_nodes_clear(struct xs_handle *xs, const char *leaf, bool storage)
{
	return nodes_change(xs, (struct nodes_change){ leaf, "", NULL, storage });
}

int hotplug_nodes_connect(struct xs_handle *xs, const char *leaf)
{
	return nodes_change(xs, (struct nodes_change){ leaf, "connected", NULL, false });
}

int hotplug_nodes_fail(struct xs_handle *xs, const char *leaf, const char *text)
{
	return nodes_change(xs, (struct nodes_change){ leaf, "error", text, false });
}

bool hotplug_nodes_connected(struct xs_handle *xs, const char *leaf)
{
	CLEANUP_FREE char *status = xsn_read(xs, XBT_NULL, leaf, STATUS);

	return status && strcmp(status, "connected") == 0;
}

/* blkback takes a number, we take a path. */
static int nodes_name_storage(struct xs_handle *xs, const char *leaf, char *why, size_t room)
{
	CLEANUP_FREE char *path = xsn_read(xs, XBT_NULL, leaf, "physical-device-path");
	CLEANUP_FREE char *device = xsn_read(xs, XBT_NULL, leaf, "physical-device");
	unsigned major, minor;
	int used = 0;

	if (path)
		return 0;
	if (!device || sscanf(device, "%5x:%5x%n", &major, &minor, &used) != 2 ||
		device[used] != '\0') {
		snprintf(why, room, "it wrote neither physical-device-path nor a"
			" physical-device MAJOR:MINOR");
		return -EINVAL;
	}
	return xsn_writef(xs, XBT_NULL, leaf, "physical-device-path", "/dev/block/%u:%u", major,
		minor);
}

int hotplug_nodes_finish(struct xs_handle *xs, const char *leaf, bool storage, char *why,
	size_t room)
{
	CLEANUP_FREE char *status = xsn_read(xs, XBT_NULL, leaf, STATUS);
	int rc = 0;

	if (status && strcmp(status, "connected") != 0) {
		snprintf(why, room, "it wrote " STATUS " \"%.40s\"", status);
		return -EIO;
	}
	if (storage)
		rc = nodes_name_storage(xs, leaf, why, room);
	/* The daemon of xl asks for no more than a good end, so some scripts say no more. */
	return rc || status ? rc : hotplug_nodes_connect(xs, leaf);
}

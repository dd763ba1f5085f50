// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/leaf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "xenstore/xsnode.h"

bool leaf_store_is_gone(int error)
{
	return error == -EPIPE || error == -EBADF || error == -ECONNRESET ||
		error == -ENOTCONN || error == -EIO;
}

/* The directory itself has no value: libxenstore gives "" for one that exists. */
static int leaf_exists(struct xs_handle *xs, xs_transaction_t t, const char *leaf, bool *exists)
{
	unsigned len;
	CLEANUP_FREE void *value = xs_read(xs, t, leaf, &len);

	*exists = value || errno != ENOENT;
	return !value && leaf_store_is_gone(-errno) ? -errno : 0;
}

struct leaf_reading {
	const char *leaf;
	const struct leaf_name *name;
	struct device_view *view;
};

static int leaf_read_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	const struct leaf_reading *r = opaque;
	struct device_view *view = r->view;
	XenbusState state;
	uint32_t frontend;
	bool online;
	int rc;

	view->valid = false;
	view->online = true;
	view->state = XenbusStateUnknown;
	rc = leaf_exists(xs, t, r->leaf, &view->exists);
	if (rc < 0 || !view->exists)
		return rc;
	rc = xsn_read_state(xs, t, r->leaf, "state", &state);
	if (rc == 0)
		view->state = (int)state;
	if (!leaf_store_is_gone(rc))
		rc = xsn_read_bool(xs, t, r->leaf, "online", &online);
	if (rc == 0)
		view->online = online;
	if (!leaf_store_is_gone(rc))
		rc = xsn_read_u32(xs, t, r->leaf, "frontend-id", &frontend);
	view->valid = rc == 0 && frontend == r->name->frontend;
	return leaf_store_is_gone(rc) ? rc : 0;
}

/* In one transaction: a leaf that is being removed must not look like one in use. */
int leaf_read(struct xs_handle *xs, const char *leaf, const struct leaf_name *name,
	struct device_view *view)
{
	struct leaf_reading r = { leaf, name, view };

	return xsn_transaction(xs, leaf_read_fn, &r);
}

/* FNV-1a. A collision costs a restart that SIGHUP then asks for. */
static uint64_t leaf_hash(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return (hash ^ 0xff) * 0x100000001b3ull;
}

uint64_t leaf_fingerprint(struct xs_handle *xs, const char *leaf)
{
	static const char *const nodes[] = { "frontend", "params", "mode", "type", "device-type",
		"driver", "buffered", "direct-io-safe", "discard-enable", "script", "bridge", "mac",
		"ip", "gatewaydev", "vifname", "mtu", "vlan", "rate", "attach" };
	uint64_t hash = 0xcbf29ce484222325ull;

	for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++) {
		CLEANUP_FREE char *value = xsn_read(xs, XBT_NULL, leaf, nodes[i]);

		hash = leaf_hash(hash, value ? value : "");
	}
	return hash;
}

int leaf_close(struct xs_handle *xs, const char *leaf)
{
	return xsn_write_state(xs, XBT_NULL, leaf, "state", XenbusStateClosed);
}

static int leaf_init_wait_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	const char *leaf = opaque;
	XenbusState state;
	int rc = xsn_read_state(xs, t, leaf, "state", &state);

	if (rc < 0 || state != XenbusStateInitialising)
		return rc;
	return xsn_write_state(xs, t, leaf, "state", XenbusStateInitWait);
}

int leaf_init_wait(struct xs_handle *xs, const char *leaf)
{
	return xsn_transaction(xs, leaf_init_wait_fn, (void *)leaf);
}

static int leaf_delete_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	const char *leaf = opaque;
	XenbusState state;
	bool online;
	int rc = xsn_read_state(xs, t, leaf, "state", &state);

	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = xsn_read_bool(xs, t, leaf, "online", &online);
	if (rc < 0)
		return rc == -ENOENT ? -EBUSY : rc;
	if (online || state != XenbusStateClosed)
		return -EBUSY;
	return xsn_rm(xs, t, leaf, NULL);
}

int leaf_delete(struct xs_handle *xs, const char *leaf)
{
	return xsn_transaction(xs, leaf_delete_fn, (void *)leaf);
}

int leaf_report(struct xs_handle *xs, const char *leaf, int error, const char *text)
{
	char path[SCAN_PATH_MAX + 16];

	snprintf(path, sizeof(path), "error/%s", leaf);
	return xsn_writef(xs, XBT_NULL, path, "error", "%d %s", -error, text);
}

static bool leaf_is_empty(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
	unsigned count = 1;

	free(xs_directory(xs, t, path, &count));
	return count == 0;
}

/* With the directories above it that have nothing else: there would be one for each guest there ever was. */
static int leaf_forget_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	char path[SCAN_PATH_MAX + 16];
	int rc;

	snprintf(path, sizeof(path), "error/%s", (const char *)opaque);
	do {
		rc = xsn_rm(xs, t, path, NULL);
		*strrchr(path, '/') = '\0';
	} while (rc == 0 && strchr(path, '/') && leaf_is_empty(xs, t, path));
	return rc;
}

void leaf_forget(struct xs_handle *xs, const char *leaf)
{
	int rc = xsn_transaction(xs, leaf_forget_fn, (void *)leaf);

	if (rc < 0)
		log_debug("cannot remove error/%s: %s", leaf, strerror(-rc));
}

void leaf_forget_guest(struct xs_handle *xs, uint32_t frontend)
{
	char path[32];
	int rc;

	snprintf(path, sizeof(path), "libxl/%u", frontend);
	rc = xsn_rm(xs, XBT_NULL, path, NULL);
	if (rc < 0)
		log_debug("cannot remove %s: %s", path, strerror(-rc));
}

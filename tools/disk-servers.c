// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/disk-servers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/blk/gluster-uri.h"
#include "backends/blk/iscsi-uri.h"
#include "backends/blk/nbd-uri.h"
#include "common/array.h"
#include "common/storage-name.h"

static int add(struct servers_named *n, const char *host, unsigned first, unsigned last, char *why, size_t room)
{
	bool six = strchr(host, ':') != NULL;
	char text[SERVERS_FORMAT_MAX];
	int rc;

	snprintf(text, sizeof(text), "%s%s%s:%u-%u", six ? "[" : "", host, six ? "]" : "", first, last);
	rc = servers_named_add(n, text, why, room);
	/* Names are the backend's to look up; what they would refer to ends here. */
	for (unsigned i = 0; i < n->servers.count; i++)
		n->names[i] = NULL;
	return rc;
}

static int add_iscsi(const char *name, struct servers_named *n, char *why, size_t room)
{
	struct iscsi_uri uri;

	if (iscsi_uri_parse(name, &uri, why, room) < 0)
		return 0;
	return add(n, uri.host, uri.port, uri.port, why, room);
}

static int add_nbd(const char *name, struct servers_named *n, char *why, size_t room)
{
	struct nbd_uri uri;

	if (nbd_uri_parse(name, &uri, why, room) < 0 || !uri.host[0])
		return 0;
	return add(n, uri.host, uri.port, uri.port, why, room);
}

static int add_gluster(const char *name, struct servers_named *n, char *why, size_t room)
{
	struct gluster_uri uri;
	int rc;

	if (gluster_uri_parse(name, &uri, why, room) < 0 || uri.is_unix)
		return 0;
	if ((unsigned)(uri.last - uri.first) + 2 > SERVERS_PORTS_MAX) {
		snprintf(why, room, "the bricks of %s may be at more than %u ports: say at which, ?bricks=FIRST-LAST, as"
			" base-port and max-port of its glusterd do", uri.host, SERVERS_PORTS_MAX - 1);
		return -E2BIG;
	}
	rc = add(n, uri.host, uri.port, uri.port, why, room);
	return rc < 0 ? rc : add(n, uri.host, uri.first, uri.last, why, room);
}

static const struct scheme {
	const char *begins;
	int (*add)(const char *name, struct servers_named *n, char *why, size_t room);
} schemes[] = {
	{ "iscsi://", add_iscsi },
	{ "nbd://", add_nbd },
	{ "gluster://", add_gluster },
	{ "gluster+tcp://", add_gluster },
};

int disk_servers(const char *name, struct servers_named *n, char *why, size_t room)
{
	CLEANUP_FREE char *whole = NULL;

	if (strncmp(name, STORAGE_PARTITION, strlen(STORAGE_PARTITION)) == 0) {
		const char *rest = name + strlen(STORAGE_PARTITION), *which = storage_name_which(rest);

		whole = strndup(rest, which ? (size_t)(which - rest) : strlen(rest));
		if (!whole) {
			snprintf(why, room, "out of memory");
			return -ENOMEM;
		}
		name = whole;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strncmp(name, schemes[i].begins, strlen(schemes[i].begins)) == 0)
			return schemes[i].add(name, n, why, room);
	return 0;
}

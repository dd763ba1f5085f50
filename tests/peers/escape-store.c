// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/peers/escape-store.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/log.h"

static struct xs_handle *xs;
static xs_transaction_t inside;

static int result(bool ok)
{
	return ok ? 0 : -errno;
}

static int try_read(const char *node)
{
	unsigned len;
	CLEANUP_FREE void *value = xs_read(xs, inside, node, &len);

	return result(value);
}

static int try_directory(const char *node)
{
	unsigned count;
	CLEANUP_FREE char **names = xs_directory(xs, inside, node, &count);

	return result(names);
}

static int try_permissions(const char *node)
{
	unsigned count;
	CLEANUP_FREE struct xs_permissions *perms = xs_get_permissions(xs, inside, node, &count);

	return result(perms);
}

static int try_write(const char *node)
{
	return result(xs_write(xs, inside, node, "1", 1));
}

static int try_mkdir(const char *node)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/made", node);
	return result(xs_mkdir(xs, inside, path));
}

static int try_remove(const char *node)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/made", node);
	return result(xs_rm(xs, inside, path));
}

static int try_watch(const char *node)
{
	if (!xs_watch(xs, node, "escape"))
		return -errno;
	return result(xs_unwatch(xs, node, "escape"));
}

static int try_set_permissions(const char *node)
{
	struct xs_permissions perms[] = { { .id = 1, .perms = XS_PERM_NONE },
		{ .id = 3, .perms = XS_PERM_READ | XS_PERM_WRITE } };

	return result(xs_set_permissions(xs, inside, node, perms, ARRAY_SIZE(perms)));
}

static const struct {
	const char *name;
	int (*fn)(const char *node);
	bool plain; /* not part of a transaction */
} operations[] = {
	{ "read", try_read, false },
	{ "directory", try_directory, false },
	{ "permissions", try_permissions, false },
	{ "write", try_write, false },
	{ "mkdir", try_mkdir, false },
	{ "remove", try_remove, false },
	{ "watch", try_watch, true },
	{ "set-permissions", try_set_permissions, false },
};

void escape_store_open(void)
{
	xs = xs_open(0);
	if (!xs)
		die("no store: %s", strerror(errno));
}

static void escape_say(FILE *out, const char *how, const char *name, const char *node, int rc)
{
	fprintf(out, "%s-%s:%s %s\n", how, name, node, rc ? strerrorname_np(-rc) : "done");
}

static void escape_node(FILE *out, const char *node)
{
	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
		inside = XBT_NULL;
		escape_say(out, "store", operations[i].name, node, operations[i].fn(node));
		if (operations[i].plain)
			continue;
		inside = xs_transaction_start(xs);
		escape_say(out, "transaction", operations[i].name, node,
			inside ? operations[i].fn(node) : -errno);
		if (inside)
			(void)xs_transaction_end(xs, inside, true);
	}
}

void escape_store(FILE *out)
{
	CLEANUP_FREE char *nodes = strdup(getenv("ESCAPE_NODES") ?: "");
	char *rest = nodes, *node;

	while ((node = strsep(&rest, " ")))
		if (*node)
			escape_node(out, node);
}

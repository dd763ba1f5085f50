// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/watch.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "hypervisor/store/path.h"
#include "hypervisor/store/state.h"

/* All watches of one path. */
struct watch_point {
	struct watch *first;
	char path[];
};

struct watch {
	struct watch *next;                /* of the connection */
	struct watch *peer, **peer_link;   /* at the same point */
	struct watch_point *point;
	struct conn *conn;
	size_t skip;    /* bytes that an event's path loses: the home of a relative watch */
	size_t charged;
	char token[];
};

static int watch_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static struct watch_point *watch_find_point(struct store *store, const char *path)
{
	char **slot = tfind(path, &store->watches, watch_compare);

	return slot ? container_of(*slot, struct watch_point, path) : NULL;
}

static struct watch_point *watch_make_point(struct store *store, const char *path)
{
	struct watch_point *point = watch_find_point(store, path);
	size_t len = strlen(path) + 1;

	if (point)
		return point;
	point = malloc(sizeof(*point) + len);
	if (!point)
		return NULL;
	point->first = NULL;
	memcpy(point->path, path, len);
	if (!tsearch(point->path, &store->watches, watch_compare)) {
		free(point);
		return NULL;
	}
	return point;
}

static void watch_free_point(struct store *store, struct watch_point *point)
{
	if (point->first)
		return;
	tdelete(point->path, &store->watches, watch_compare);
	free(point);
}

/* The absolute path of a watch, and how much of it its events leave out. */
static int watch_resolve(const struct conn *conn, const char *in,
	char path[STORE_PATH_SIZE], size_t *skip)
{
	int rc;

	*skip = 0;
	if (in[0] == '@') {
		if (strlen(in) > XENSTORE_REL_PATH_MAX)
			return -EINVAL;
		snprintf(path, STORE_PATH_SIZE, "%s", in);
		return 0;
	}
	rc = path_resolve(conn->domid, in, path);
	if (rc == 0 && in[0] != '/')
		*skip = strlen(path) - strlen(in);
	return rc;
}

static struct watch *watch_find(const struct conn *conn, const char *path, size_t skip,
	const char *token)
{
	for (struct watch *w = conn->watches; w; w = w->next)
		if (w->skip == skip && strcmp(w->token, token) == 0 &&
			strcmp(w->point->path, path) == 0)
			return w;
	return NULL;
}

static int watch_check_quota(const struct conn *conn, size_t memory)
{
	const struct quota_limits *limits = conn_limits(conn);
	const struct account *account = &conn->store->accounts[conn->domid];
	int rc;

	if (!limits)
		return 0;
	rc = quota_check(account->watches, 1, limits->watches, -ENOSPC);
	if (rc < 0)
		return rc;
	return quota_check_memory(limits, account, memory);
}

static void watch_charge(struct watch *watch, bool add)
{
	struct account *account = &watch->conn->store->accounts[watch->conn->domid];

	account->watches += add ? 1 : -1ul;
	account->memory += add ? watch->charged : -watch->charged;
}

static void watch_link(struct watch *watch, struct conn *conn, struct watch_point *point)
{
	watch->conn = conn;
	watch->next = conn->watches;
	conn->watches = watch;
	watch->point = point;
	watch->peer = point->first;
	watch->peer_link = &point->first;
	if (watch->peer)
		watch->peer->peer_link = &watch->peer;
	point->first = watch;
	watch_charge(watch, true);
}

/* Each pays for its point as if it were alone there. */
static size_t watch_cost(const char *path, const char *token)
{
	return sizeof(struct watch) + strlen(token) + 1 + sizeof(struct watch_point) +
		strlen(path) + 1 + 64;
}

/* What is to be true of a watch that is not there yet. */
static int watch_check(const struct conn *conn, const char *in, const char *token,
	char path[STORE_PATH_SIZE], size_t *skip)
{
	int rc = watch_resolve(conn, in, path, skip);

	if (rc < 0)
		return rc;
	if (strlen(token) + 1 > WATCH_TOKEN_MAX)
		return -E2BIG;
	return watch_find(conn, path, *skip, token) ? -EEXIST : 0;
}

static int watch_insert(struct conn *conn, const char *path, size_t skip, const char *token)
{
	size_t len = strlen(token) + 1;
	struct watch_point *point;
	struct watch *watch;

	watch = malloc(sizeof(*watch) + len);
	point = watch ? watch_make_point(conn->store, path) : NULL;
	if (!point) {
		free(watch);
		return -ENOMEM;
	}
	watch->skip = skip;
	watch->charged = watch_cost(path, token);
	memcpy(watch->token, token, len);
	watch_link(watch, conn, point);
	return 0;
}

int watch_add(struct conn *conn, const char *in, const char *token)
{
	char path[STORE_PATH_SIZE];
	size_t skip;
	int rc = watch_check(conn, in, token, path, &skip);

	if (rc == 0)
		rc = watch_check_quota(conn, watch_cost(path, token));
	if (rc == 0)
		rc = watch_insert(conn, path, skip, token);
	if (rc < 0)
		return rc;
	state_watch(conn, in, token);
	conn_event(conn, path + skip, token);
	return 0;
}

int watch_restore(struct conn *conn, const char *in, const char *token)
{
	char path[STORE_PATH_SIZE];
	size_t skip;
	int rc = watch_check(conn, in, token, path, &skip);

	return rc < 0 ? rc : watch_insert(conn, path, skip, token);
}

const struct watch *watch_describe(const struct watch *watch, const char **path,
	const char **token)
{
	*path = watch->point->path + watch->skip;
	*token = watch->token;
	return watch->next;
}

/* @link: the pointer that leads to it in the connection's list. */
static void watch_free(struct watch **link)
{
	struct watch *watch = *link;
	const char *path, *token;

	watch_describe(watch, &path, &token);
	state_unwatch(watch->conn, path, token);
	*link = watch->next;
	*watch->peer_link = watch->peer;
	if (watch->peer)
		watch->peer->peer_link = watch->peer_link;
	watch_charge(watch, false);
	watch_free_point(watch->conn->store, watch->point);
	free(watch);
}

int watch_remove(struct conn *conn, const char *in, const char *token)
{
	char path[STORE_PATH_SIZE];
	struct watch *watch, **link = &conn->watches;
	size_t skip;
	int rc = watch_resolve(conn, in, path, &skip);

	if (rc < 0)
		return rc;
	watch = watch_find(conn, path, skip, token);
	if (!watch)
		return -ENOENT;
	while (*link != watch)
		link = &(*link)->next;
	watch_free(link);
	return 0;
}

void watch_remove_all(struct conn *conn)
{
	while (conn->watches)
		watch_free(&conn->watches);
}

/*
 * A connection may know of a change where it may read the node as it was or as
 * it is, or else the node's parent.
 */
static bool watch_permitted(const struct conn *conn, const struct change *change,
	const struct node *now, const struct node *parent)
{
	if (change->old && (conn_access(conn, change->old) & XS_PERM_READ))
		return true;
	if (now && (conn_access(conn, now) & XS_PERM_READ))
		return true;
	return parent && (conn_access(conn, parent) & XS_PERM_READ);
}

static void watch_fire_point(struct store *store, const char *at,
	const struct change *change, const struct node *now, const struct node *parent)
{
	struct watch_point *point = watch_find_point(store, at);

	if (!point)
		return;
	for (struct watch *w = point->first; w; w = w->peer)
		if (watch_permitted(w->conn, change, now, parent))
			conn_event(w->conn, change->path + w->skip, w->token);
}

void watch_fire(struct store *store, const struct change *change)
{
	char at[STORE_PATH_SIZE];
	const struct node *now = tree_find(&store->tree, change->path);
	const struct node *parent;

	snprintf(at, sizeof(at), "%s", change->path);
	path_to_parent(at);
	parent = tree_find(&store->tree, at);
	watch_fire_point(store, change->path, change, now, parent);
	if (change->exact || change->path[0] != '/' || change->path[1] == '\0')
		return;
	for (; at[1]; path_to_parent(at))
		watch_fire_point(store, at, change, now, parent);
	watch_fire_point(store, "/", change, now, parent);
}

void watch_fire_special(struct store *store, const char *name)
{
	const struct node *node = tree_find(&store->tree, name);
	struct watch_point *point = watch_find_point(store, name);

	if (!node || !point)
		return;
	for (struct watch *w = point->first; w; w = w->peer)
		if (conn_access(w->conn, node) & XS_PERM_READ)
			conn_event(w->conn, name, w->token);
}

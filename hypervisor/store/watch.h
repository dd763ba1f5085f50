/* SPDX-License-Identifier: MIT */
/* Watches: an index by path, so that a change asks only its own ancestors. Pure. */
#ifndef SLUICE_HYPERVISOR_STORE_WATCH_H
#define SLUICE_HYPERVISOR_STORE_WATCH_H

#include "hypervisor/store/conn.h"

/** WATCH_TOKEN_MAX - so that any path and the token fit one event. */
#define WATCH_TOKEN_MAX (XENSTORE_PAYLOAD_MAX - XENSTORE_ABS_PATH_MAX - 2)

/**
 * watch_add() - set a watch and queue its first event.
 * @path: as the client gave it: absolute, relative, or special with '@'
 *
 * Return: 0, -EINVAL (the path), -EEXIST, -E2BIG (the token), -ENOSPC (the quota), -ENOMEM.
 */
int watch_add(struct conn *conn, const char *path, const char *token) must_check;
/** watch_restore() - watch_add() without an event and without a quota. */
int watch_restore(struct conn *conn, const char *path, const char *token) must_check;
/**
 * watch_describe() - how a watch was asked for.
 * @path, @token: borrowed
 *
 * Return: the connection's next one.
 */
const struct watch *watch_describe(const struct watch *watch, const char **path,
	const char **token);
/** watch_remove() - 0, -ENOENT, or -EINVAL. */
int watch_remove(struct conn *conn, const char *path, const char *token) must_check;
/** watch_remove_all() - of one connection. */
void watch_remove_all(struct conn *conn);
/** watch_fire() - queue the events of one change to whom may know. */
void watch_fire(struct store *store, const struct change *change);
/** watch_fire_special() - "@introduceDomain" or "@releaseDomain" happened. */
void watch_fire_special(struct store *store, const char *name);

#endif

/* SPDX-License-Identifier: MIT */
/* The nodes of a device that have to do with its hotplug script. */
#ifndef SLUICE_DRIVERS_DOMAIN_HOTPLUG_NODES_H
#define SLUICE_DRIVERS_DOMAIN_HOTPLUG_NODES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

struct xs_handle;

/**
 * hotplug_nodes_clear() - nothing is set up: of an earlier run nothing stays that somebody
 * could take for the next one's.
 * @storage: also of what the script made
 *
 * As all here, it makes no node of a device that is gone. 0 or -errno.
 */
int hotplug_nodes_clear(struct xs_handle *xs, const char *leaf, bool storage) must_check;
/**
 * hotplug_nodes_finish() - the script ended well: does it say so, too?
 * @storage: it has to have named what it made; a number is turned into a path
 * @why: otherwise
 *
 * Return: 0 and hotplug-status is "connected"; or -errno.
 */
int hotplug_nodes_finish(struct xs_handle *xs, const char *leaf, bool storage, char *why,
	size_t why_room) must_check;
/**
 * hotplug_nodes_fail() - publish a failure.
 * @text: unless the script said what it was
 */
int hotplug_nodes_fail(struct xs_handle *xs, const char *leaf, const char *text) must_check;
/** hotplug_nodes_connected() - whether hotplug-status is "connected". */
bool hotplug_nodes_connected(struct xs_handle *xs, const char *leaf);
/** hotplug_nodes_connect() - make it so. 0 or -errno. */
int hotplug_nodes_connect(struct xs_handle *xs, const char *leaf) must_check;

#endif

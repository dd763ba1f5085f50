/* SPDX-License-Identifier: MIT */
/* Where tools look for what is wrong with a device: its own node, and error/... of our domain. */
#ifndef SLUICE_BACKENDS_COMMON_ERROR_NODE_H
#define SLUICE_BACKENDS_COMMON_ERROR_NODE_H

#include <xenstore.h>

/**
 * error_node_publish() - in both places, unless the device is gone.
 * @path: the device's directory, relative to our own domain's or absolute
 */
void error_node_publish(struct xs_handle *xs, const char *path, const char *why);
/** error_node_clear() - an error of an earlier connection says nothing about this one. */
void error_node_clear(struct xs_handle *xs, const char *path);

#endif

/* SPDX-License-Identifier: MIT */
/* To hear of a store's end without asking it: libxenstore does not tell of it by its descriptor. */
#ifndef SLUICE_BACKENDS_COMMON_STORE_SOCKET_H
#define SLUICE_BACKENDS_COMMON_STORE_SOCKET_H

#include <xenstore.h>

#include "common/cleanup.h"

/**
 * store_socket_open() - xs_open(), and a further descriptor of its connection.
 * @socket: to be watched for EPOLLRDHUP and nothing else, never to be read; the
 *	caller's to close; -1 where the store is no socket but a device, which does not end
 *
 * Before confinement; no other thread may open descriptors meanwhile. Return: NULL with errno set.
 */
struct xs_handle *store_socket_open(int *socket) must_check;

#endif

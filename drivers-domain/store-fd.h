/* SPDX-License-Identifier: MIT */
/* A raw connection to the store, as libxenstore would make it. */
#ifndef SLUICE_DRIVERS_DOMAIN_STORE_FD_H
#define SLUICE_DRIVERS_DOMAIN_STORE_FD_H

#include "common/cleanup.h"

/**
 * store_fd_open() - a socket or xenbus's device, which takes the same messages, one per write.
 *
 * Return: a non-blocking, close-on-exec descriptor, the caller's; or -errno.
 */
int store_fd_open(void) must_check;

#endif

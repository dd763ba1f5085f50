/* SPDX-License-Identifier: MIT */
/* For a driver domain's daemon: what it gives to a backend that serves one frontend. */
#ifndef SLUICE_HYPERVISOR_PROCESS_RESTRICT_H
#define SLUICE_HYPERVISOR_PROCESS_RESTRICT_H

#include <stdint.h>

#include "common/cleanup.h"

/**
 * hvconn_restricted() - a connection of the caller's domain that can name no other
 * domain than @domid, for event channels and grants, nor can any made from it.
 * @hypervisor: a path, "fd:N", or NULL: the environment's SLUICE_HYPERVISOR
 *
 * Let a program inherit it as descriptor N (it is close-on-exec here: dup2() it, or
 * clear the flag, in the child) and set SLUICE_HYPERVISOR=fd:N for it. A process may
 * open as many library handles through it as it likes.
 *
 * Return: a descriptor, the caller's, or -errno: -EACCES: the connection that it is
 * made from is restricted to another domain.
 */
int hvconn_restricted(const char *hypervisor, uint32_t domid) must_check;

#endif

/* SPDX-License-Identifier: MIT */
/* The one place where the daemon knows that there is a hypervisor of ours. */
#ifndef SLUICE_DRIVERS_DOMAIN_RESTRICT_H
#define SLUICE_DRIVERS_DOMAIN_RESTRICT_H

#include <stdint.h>

#include "common/cleanup.h"

/**
 * restrict_connection() - a connection to the hypervisor, for one backend, that can name
 * no domain but its frontend's.
 *
 * Return: a descriptor, the caller's; -ENOTSUP where this domain has no such connection
 * (no SLUICE_HYPERVISOR in the environment: real Xen, or a vm); or -errno.
 */
int restrict_connection(uint32_t frontend) must_check;

#endif

// SPDX-License-Identifier: MIT
/*
 * On real Xen nothing below the first test runs: the environment names no hypervisor
 * of ours there, and the backend restricts its own handles as far as Xen can.
 */
#include "config.h"
#include "drivers-domain/restrict.h"

#include <errno.h>
#include <stdlib.h>

#include "hypervisor/process/restrict.h"

int restrict_connection(uint32_t frontend)
{
	const char *hypervisor = getenv("SLUICE_HYPERVISOR");

	if (!hypervisor || !*hypervisor)
		return -ENOTSUP;
	return hvconn_restricted(hypervisor, frontend);
}

/* SPDX-License-Identifier: MIT */
/*
 * What libxentoolcore exports to Xen's libraries so that xentoolcore_restrict_all()
 * reaches their handles (symbol version VERS_1.0). Debian installs no header for it.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_TOOLCORE_H
#define SLUICE_HYPERVISOR_PROCESS_TOOLCORE_H

#include <stdint.h>

/** The first member is called with the handle; the links are the library's own. */
struct toolcore_handle {
	int (*restrict_callback)(struct toolcore_handle *handle, uint32_t domid);
	void *links[2];
};

void xentoolcore__register_active_handle(struct toolcore_handle *handle);
void xentoolcore__deregister_active_handle(struct toolcore_handle *handle);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Store rings of domains, reached through libxengnttab and libxenevtchn. Both
 * are opened when the first ring is attached: a store of process domains alone
 * needs no hypervisor.
 */
#ifndef SLUICE_HYPERVISOR_STORE_RING_ATTACH_H
#define SLUICE_HYPERVISOR_STORE_RING_ATTACH_H

#include <stdint.h>

#include "common/loop.h"
#include "hypervisor/store/store.h"

struct rings;
struct ring_link;

/** rings_new() - NULL without memory. */
struct rings *rings_new(struct loop *loop, struct store **store);
/** rings_free() - all rings must be detached; NULL is fine. */
void rings_free(struct rings *rings);

/**
 * rings_attach() - map a domain's grant 1 (GNTTAB_RESERVED_XENSTORE) and bind its port.
 *
 * Return: NULL with errno set; the cause is logged.
 */
struct ring_link *rings_attach(struct rings *rings, uint32_t domid, uint32_t port);
/** rings_detach() - end the connection, unmap, unbind. */
void rings_detach(struct ring_link *link);

#endif

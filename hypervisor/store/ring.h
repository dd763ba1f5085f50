/* SPDX-License-Identifier: MIT */
/*
 * The store ring of a domain (docs/misc/xenstore-ring.txt of Xen): bytes between
 * a page that the guest can change at any time and a connection. Pure: it knows
 * the page, not how it was mapped or how the guest is told.
 */
#ifndef SLUICE_HYPERVISOR_STORE_RING_H
#define SLUICE_HYPERVISOR_STORE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "hypervisor/store/conn.h"

/** RING_ROUND - requests of one ring that are answered before others have their turn. */
#define RING_ROUND 8

/** struct ring - the store's side; the indices that it owns are here, not in the page. */
struct ring {
	struct xenstore_domain_interface *page;
	struct conn *conn;
	struct ring_pos pos; /* with an error nothing is done any more but a reconnection */
};

/** RING_NOTIFY - the page changed: signal the event channel. */
#define RING_NOTIFY 1u
/** RING_MORE - call ring_run() again once the others were served. */
#define RING_MORE 2u

/** ring_init() - take a page in use and advertise what this store can do. */
void ring_init(struct ring *ring, struct xenstore_domain_interface *page,
	struct conn *conn);

/**
 * ring_resume() - take a page in use again that another process of the store had.
 * @pos: where it was; what it had promised is @conn's
 */
void ring_resume(struct ring *ring, struct xenstore_domain_interface *page,
	struct conn *conn, const struct ring_pos *pos);

/**
 * ring_run() - take requests, answer them, put replies and events.
 *
 * A guest that breaks a rule gets the page's error field set, loses its watches,
 * transactions and pending output, and is heard again when it asks for a
 * reconnection. Return: RING_NOTIFY and RING_MORE, or-ed.
 */
unsigned ring_run(struct ring *ring);

#endif

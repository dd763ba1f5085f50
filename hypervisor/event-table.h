/* SPDX-License-Identifier: MIT */
/*
 * A domain's port numbers: which are free, who owns which. Private to event*.c. Everything costs
 * the same with ten ports in use and with 131071. All functions under the domain's lock.
 */
#ifndef SLUICE_HYPERVISOR_EVENT_TABLE_H
#define SLUICE_HYPERVISOR_EVENT_TABLE_H

#include "hypervisor/event.h"

#include "common/cleanup.h"

/** struct event_end - what of a port no event needs. */
struct event_end {
	void *owner; /* the caller's mark: event_close_owned() goes by it */
	void *link;  /* what delivery has for this end; both ends may share it */
	uint32_t next, prev; /* ports of a ring: same owner, or parked, see event-table.c */
	uint32_t holds;
};

/** event_end() - of a port whose slot is there. */
struct event_end *event_end(struct event_table *t, uint32_t port);
/** event_slot() - any port number's slot, in use or not; NULL where none was made. */
struct event_port *event_slot(struct event_table *t, uint32_t port);
/**
 * event_port_take() - the lowest free port that the event ABI can show and has not linked in
 * a queue any more. Its slot is reset, and counted as in use: fill it in.
 *
 * Return: the port; -ENOSPC: none, or the quota is used up; -ENOMEM.
 */
int event_port_take(struct domain *d, void *owner) must_check;
/** event_port_free() - the port is free again, and not pending. */
void event_port_free(struct domain *d, uint32_t port);
/** event_port_disown() - it has no owner any more. */
void event_port_disown(struct event_table *t, uint32_t port);
/** event_owned_first() - a port with the mark @owner, or 0. */
uint32_t event_owned_first(struct event_table *t, const void *owner);
/** event_live_next() - the first port from @port on that is in use and not closing, or 0. */
uint32_t event_live_next(struct event_table *t, uint32_t port);

#endif

/* SPDX-License-Identifier: MIT */
/* The xenbus states (xen/io/xenbus.h) and what a backend does at each change; no I/O. */
#ifndef SLUICE_PROTOCOL_XENBUS_H
#define SLUICE_PROTOCOL_XENBUS_H

#include <stdbool.h>

#include <xen/io/xenbus.h>

/** xenbus_state_name() - "Connected"; "?" for what is no state. */
const char *xenbus_state_name(int state);

/** enum xenbus_action - what a backend has to do next. */
enum xenbus_action {
	XENBUS_NOTHING,
	XENBUS_INITIALISE,   /* publish the features, go to InitWait */
	XENBUS_CONNECT,      /* read the frontend's nodes, map, go to Connected */
	XENBUS_CLOSING,      /* go to Closing; keep serving until Closed (blk rule 19) */
	XENBUS_DISCONNECT,   /* drain, unmap, go to Closed */
	XENBUS_RECONFIGURE,  /* read the frontend's nodes that may change, go to Reconfigured */
	XENBUS_RECONFIGURED, /* the frontend has seen it: go back to Connected */
	XENBUS_REINIT,       /* after Closed, frontend back at Initialising, online: InitWait again */
	XENBUS_REMOVE,       /* drain, unmap, go to Closed and end for good */
};

/**
 * xenbus_backend_action() - the next action of a backend.
 * @backend: our own state
 * @frontend: the frontend's state, XenbusStateUnknown when its node is gone
 * @online: the toolstack wants the device (its node "online")
 * @connected: rings are mapped
 * @backend_target: the state that the toolstack wrote over ours, Closing on detach,
 *	else XenbusStateUnknown
 *
 * Total and pure: any combination that a hostile frontend produces has an action.
 */
enum xenbus_action xenbus_backend_action(int backend, int frontend, bool online, bool connected,
	int backend_target);

#endif

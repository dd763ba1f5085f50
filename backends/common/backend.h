/* SPDX-License-Identifier: MIT */
/*
 * The xenbus life of a backend: it watches the frontend's state and the toolstack's
 * nodes, decides with xenbus_backend_action() and calls the device. One thread, the
 * one that runs the loop; nothing here waits for I/O.
 */
#ifndef SLUICE_BACKENDS_COMMON_BACKEND_H
#define SLUICE_BACKENDS_COMMON_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xenstore.h>

#include "common/cleanup.h"
#include "common/loop.h"

struct backend;

/** struct backend_dir - where nego_read() and nego_write() read and write; see below. */
struct backend_dir {
	struct xs_handle *xs;
	xs_transaction_t t;
	const char *path;
};
/** backend_dir_read() - a nego_read_fn for a struct backend_dir. */
char *backend_dir_read(void *dir, const char *name);
/** backend_dir_write() - a nego_write_fn for a struct backend_dir. */
int backend_dir_write(void *dir, const char *name, const char *value);

/** What ended the backend, given to ended(): the exit codes of backends. */
enum backend_end {
	BACKEND_REMOVED = 0,       /* by the toolstack, or told to end; all clean */
	/* The store is gone. One that is connected and can be resumed exits at once instead, as if killed. */
	BACKEND_LOST_STORE = 3,
};

/** struct backend_ops - what a kind of device does. */
struct backend_ops {
	/* publish - write the features that go before InitWait, in a transaction. 0/-errno. */
	int (*publish)(void *opaque, struct backend_dir *dir);
	/*
	 * connect - read the frontend's nodes in @frontend, map, start. All of it is the
	 * frontend's: a mistake is -errno with @why, naming the node, with nothing left mapped.
	 */
	int (*connect)(void *opaque, struct backend_dir *frontend, char *why, size_t why_room);
	/*
	 * resume - in place of connect, after a predecessor that died while @frontend was connected
	 * to it: go on where it stopped, so that the frontend notices nothing. No node is written
	 * for it. -errno with @why, a clause about the predecessor, when that cannot be
	 * done safely: then the frontend has to connect again. NULL: never.
	 */
	int (*resume)(void *opaque, struct backend_dir *frontend, char *why, size_t why_room);
	/* publish_connected - the nodes that go with Connected, in its transaction. */
	int (*publish_connected)(void *opaque, struct backend_dir *dir);
	/*
	 * disconnect - begin to let go: drain, unmap. backend_disconnected() says that it
	 * is done, from within or later. Called once per successful connect.
	 */
	void (*disconnect)(void *opaque);
	/* ready - InitWait was reached. */
	void (*ready)(void *opaque);
	/*
	 * may_connect - whether what else a connection takes is there, such as what a hotplug script
	 * makes; asked anew when a watched node changed. NULL: always.
	 */
	bool (*may_connect)(void *opaque);
	/*
	 * reconfigure - the frontend is in Reconfiguring: read anew what of its nodes may change
	 * while it is connected. NULL: nothing may, and its state means nothing.
	 */
	void (*reconfigure)(void *opaque, struct backend_dir *frontend);
	/*
	 * frontend_node - one of the frontend's that may change while it is connected; NULL: none.
	 * A watch of its own, of which a domain has few.
	 */
	const char *frontend_node;
	/* frontend_changed - it may have, while connected: once per look, however many events came. */
	void (*frontend_changed)(void *opaque, struct backend_dir *frontend);
	/*
	 * watched - the toolstack's nodes, in the device's directory, that may change while it
	 * lives: names, or beginnings of names; ends with NULL. May be NULL.
	 */
	const char *const *watched;
	/* nodes_changed - some of them may have: once per look, however many events came. */
	void (*nodes_changed)(void *opaque);
	/*
	 * release - before the last Closed: whoever sees that may take away what the device stands on,
	 * or give it to others, so let go of it. Not called where the store is lost. May be NULL.
	 */
	void (*release)(void *opaque);
	/* ended - the last call: the device is disconnected and Closed. */
	void (*ended)(void *opaque, enum backend_end how);
};

/**
 * backend_open() - connect to the store.
 * SLUICE_INITWAIT_MS in the environment: for so many milliseconds it stays at InitWait, the first
 * time that it comes there. libxl waits for exactly that state (devstate_callback).
 * @path: the device's directory, relative to our own domain's or absolute
 * @why: what is wrong and what to do
 *
 * Return: 0 or -errno (-ENOENT: there is no such directory).
 */
int backend_open(struct loop *loop, const char *path, const struct backend_ops *ops,
	void *opaque, struct backend **backend, char *why, size_t why_room) must_check;
/** backend_close() - forget it, without touching the store. NULL is fine. */
void backend_close(struct backend *b);

/** backend_own_dir() - the device's directory, outside any transaction. */
struct backend_dir backend_own_dir(struct backend *b);

/**
 * backend_start() - begin: watch, and do what the states ask for.
 * @frontend: the frontend's directory, from the toolstack's node; copied
 *
 * The device must be able to publish. Return: 0 or -errno.
 */
int backend_start(struct backend *b, const char *frontend) must_check;

/** backend_refuse() - before backend_start(): publish the error, log it, go to Closed. */
void backend_refuse(struct backend *b, const char *why);

/**
 * backend_update() - write nodes while connected, and our state anew with them, which is
 * what makes a frontend read them. Not connected: nothing, they go with the next state.
 * Return: 0, or -errno, which was logged.
 */
int backend_update(struct backend *b, int (*publish)(void *opaque, struct backend_dir *dir)) must_check;

/**
 * backend_fail() - the connection cannot go on: log, publish the error, go to Closing,
 * disconnect, go to Closed. The frontend may connect again from Initialising.
 */
void backend_fail(struct backend *b, const char *why);

/**
 * backend_report() - the connection stays, but no more than its state: log @why and publish it
 * as an error.
 */
void backend_report(struct backend *b, const char *why);

/** backend_disconnected() - what disconnect() began is done. */
void backend_disconnected(struct backend *b);

/** backend_stop() - told to end (SIGTERM): disconnect, go to Closed, ended(BACKEND_REMOVED). */
void backend_stop(struct backend *b);

#endif

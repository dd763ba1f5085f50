/* SPDX-License-Identifier: MIT */
/*
 * What frontends of all kinds have in common in the store: the connection to it, finding the
 * device, its backend's states, the handshake and the way back. Not for frontends' users.
 *
 * Our own directory is written by the toolstack and by us; the backend's directory is the
 * backend's and hostile: its values are bounded by whoever reads them.
 *
 * One thread until the device is connected and again from xenfront_leave() on. In between
 * the connection may be lost and found again, and whoever uses it holds the lock.
 */
#ifndef SLUICE_FRONTENDS_XENFRONT_H
#define SLUICE_FRONTENDS_XENFRONT_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <xen/io/xenbus.h>
#include <xenstore.h>

#include "common/cleanup.h"

/** XENFRONT_WATCHES - the backend's nodes that can be watched. */
#define XENFRONT_WATCHES 2

/** struct xenfront - a device's place in the store. */
struct xenfront {
	const char *kind;       /* "vif" */
	char *dir;              /* device/KIND/N, relative to our home; NULL: not open */
	char *backend;          /* path of the backend's directory */
	uint32_t backend_id;
	unsigned timeout_ms;    /* of each step of a handshake */
	bool published;         /* our nodes are in the store: close with a handshake */
	char why[200];          /* the cause of the last failure, one line */

	/* the connection to the store, behind lock while connected */
	pthread_mutex_t lock;
	struct xs_handle *xs;
	int end_fd;             /* hangs up when the store does; -1: it does not, or has */
	int timer_fd;           /* fires when a store that is lost is to be looked for */
	int epoll_fd;           /* is told of these descriptors; -1: nobody is */
	bool lost;
	uint64_t lost_ns;       /* since when, CLOCK_MONOTONIC */
	const char *watched[XENFRONT_WATCHES]; /* names in the backend's directory */
};

/** XENFRONT_FIRST - the device with the lowest number. */
#define XENFRONT_FIRST UINT64_MAX

/** xenfront_why() - note the cause of a failure. Return: @rc. */
int xenfront_why(struct xenfront *xf, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** xenfront_init() - @kind stays the caller's; then xenfront_free() is due. */
void xenfront_init(struct xenfront *xf, const char *kind, unsigned timeout_ms);
/** xenfront_open() - connect to the store and find device/KIND/@number. 0, -ENODEV, -errno. */
int xenfront_open(struct xenfront *xf, uint64_t number) must_check;
/** xenfront_close() - no handshake: see xenfront_leave(). It may be opened again. */
void xenfront_close(struct xenfront *xf);
/** xenfront_free() - and close it. */
void xenfront_free(struct xenfront *xf);

/**
 * xenfront_begin() - to a backend in InitWait.
 * @takeover: end what another user of this domain has, or left
 * Return: 0, -EBUSY (somebody uses it), -ETIMEDOUT, -errno.
 */
int xenfront_begin(struct xenfront *xf, bool takeover) must_check;
/**
 * xenfront_publish() - our nodes and then @state, in one transaction.
 * @write: writes the nodes; may run several times
 * Return: 0, -EBUSY (another user came first), -errno.
 */
int xenfront_publish(struct xenfront *xf, XenbusState state,
	int (*write)(struct xs_handle *xs, xs_transaction_t t, void *opaque), void *opaque) must_check;
/** xenfront_await_connected() - 0, -EPROTO (the backend refused), -ETIMEDOUT, -errno. */
int xenfront_await_connected(struct xenfront *xf) must_check;
/** xenfront_set_state() - ours. 0 or -errno. */
int xenfront_set_state(struct xenfront *xf, XenbusState state) must_check;
/** xenfront_leave() - Closing, Closed; waits for the backend within the timeout. */
void xenfront_leave(struct xenfront *xf);

/** xenfront_read_state() - XenbusStateUnknown when the node is gone or no state; else -errno. */
int xenfront_read_state(struct xenfront *xf, xs_transaction_t t, const char *dir,
	XenbusState *state) must_check;
/** xenfront_error() - what the backend says went wrong, one printable line; NULL: nothing. */
char *xenfront_error(struct xenfront *xf) must_check;
/** xenfront_make_printable() - text that a peer wrote, for one line of our own. */
void xenfront_make_printable(char *text);
/** xenfront_deadline() - when a step that begins now has failed: CLOCK_MONOTONIC, ns. */
uint64_t xenfront_deadline(const struct xenfront *xf);

/* --- the connection: xenfront-store.c --- */

/** xenfront_connect_store() - 0 or -errno, why set. For xenfront_open(). */
int xenfront_connect_store(struct xenfront *xf) must_check;
/** xenfront_disconnect_store() - also of one that was not, or not fully, connected. */
void xenfront_disconnect_store(struct xenfront *xf);
/** xenfront_watch() - @name in the backend's directory, a constant; from a store that comes back, too. */
int xenfront_watch(struct xenfront *xf, const char *name) must_check;
/** xenfront_store_is_there() - whether it can be asked; one that came back is taken. */
bool xenfront_store_is_there(struct xenfront *xf);
/** xenfront_store_is_gone() - whether @rc, the store's answer, means that it ended. */
bool xenfront_store_is_gone(struct xenfront *xf, int rc);

/** XENFRONT_FDS - how many descriptors tell of the store. */
#define XENFRONT_FDS 3
/** xenfront_poll_fds() - what a thread that waits is to poll; good for one poll. Takes the lock. */
void xenfront_poll_fds(struct xenfront *xf, struct pollfd fds[XENFRONT_FDS]);
/** xenfront_take() - what they said. True: the backend is to be looked at. Takes the lock. */
bool xenfront_take(struct xenfront *xf, const struct pollfd fds[XENFRONT_FDS]);
/**
 * xenfront_make_fd() - one descriptor that is readable when any of them is. Takes the lock.
 * @broken_fd: -1: there is none
 * @with_store: and the store's descriptors, also those of a store that comes back; of one queue only
 * Return: the caller's, to be closed before xenfront_close(); or -errno.
 */
int xenfront_make_fd(struct xenfront *xf, int event_fd, int broken_fd, bool with_store) must_check;

#endif

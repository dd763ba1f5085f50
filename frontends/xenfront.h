/* SPDX-License-Identifier: MIT */
/*
 * What frontends of all kinds have in common in the store: finding the device, its
 * backend's states, the handshake and the way back. Not for frontends' users.
 *
 * Our own directory is written by the toolstack and by us; the backend's directory is the
 * backend's and hostile: its values are bounded by whoever reads them. One thread.
 */
#ifndef SLUICE_FRONTENDS_XENFRONT_H
#define SLUICE_FRONTENDS_XENFRONT_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/io/xenbus.h>
#include <xenstore.h>

#include "common/cleanup.h"

/** struct xenfront - a device's place in the store; all zero before xenfront_open(). */
struct xenfront {
	const char *kind;       /* "vif" */
	struct xs_handle *xs;
	char *dir;              /* device/KIND/N, relative to our home */
	char *backend;          /* path of the backend's directory */
	uint32_t backend_id;
	unsigned timeout_ms;    /* of each step of a handshake */
	bool published;         /* our nodes are in the store: close with a handshake */
	char why[200];          /* the cause of the last failure, one line */
};

/** XENFRONT_FIRST - the device with the lowest number. */
#define XENFRONT_FIRST UINT64_MAX

/** xenfront_why() - note the cause of a failure. Return: @rc. */
int xenfront_why(struct xenfront *xf, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** xenfront_open() - connect to the store and find device/@kind/@number. 0, -ENODEV, -errno. */
int xenfront_open(struct xenfront *xf, const char *kind, uint64_t number) must_check;
/** xenfront_free() - no handshake: see xenfront_leave(). */
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

#endif

/* SPDX-License-Identifier: MIT */
/* A network interface's control side: negotiate, connect, disconnect. One thread, the loop's. */
#ifndef SLUICE_BACKENDS_NET_DEVICE_H
#define SLUICE_BACKENDS_NET_DEVICE_H

#include <stdbool.h>

#include "backends/net/port.h"
#include "common/cleanup.h"
#include "common/loop.h"

struct device;

/** struct device_options - from the command line; strings are the caller's. */
struct device_options {
	const char *path;    /* of the backend's directory */
	const struct port_ops *ops; /* kind of port, overrides the toolstack's node; NULL: does not */
	const char *journal; /* NULL: none */
	const char *metrics; /* NULL: none */
	int ready_fd;        /* -1: nobody waits */
	unsigned poll_us;
	unsigned max_queues; /* to offer, 1 to NETIF_MAX_QUEUES */
	/*
	 * confine - give up all that serving does not take: everything is open, nothing has been
	 * read that a guest wrote. 0 or -errno, which ends the device. NULL: do without.
	 */
	int (*confine)(const struct port_ops *ops);
};

/** The exit codes of sluice-net. */
enum device_exit {
	DEVICE_REMOVED = 0,     /* by the toolstack or SIGTERM */
	DEVICE_USAGE = 1,       /* options, store, hypervisor or nodes: could not start */
	DEVICE_NO_PORT = 2,     /* the error node says why; starting again at once is no use */
	DEVICE_LOST_STORE = 3,  /* the store went away while serving */
};

/**
 * device_start() - read the toolstack's nodes, open the port, begin to serve.
 * @status: on failure, the exit code; the reason was logged and published
 *
 * The loop ends with an enum device_exit. Return: NULL on failure.
 */
struct device *device_start(struct loop *loop, const struct device_options *options, int *status);
/** device_stop() - SIGTERM: answer what was taken, close, end the loop. */
void device_stop(struct device *d);
/** device_look() - SIGHUP: read anew what the toolstack may change while it lives. */
void device_look(struct device *d);
/** device_free() - after the loop ended. NULL is fine. */
void device_free(struct device *d);

#endif

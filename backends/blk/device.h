/* SPDX-License-Identifier: MIT */
/* A block device's control side: negotiate, connect, disconnect. One thread, the loop's. */
#ifndef SLUICE_BACKENDS_BLK_DEVICE_H
#define SLUICE_BACKENDS_BLK_DEVICE_H

#include <stdbool.h>

#include "common/cleanup.h"
#include "backends/blk/driver.h"
#include "common/loop.h"

struct device;

/** struct device_options - from the command line; strings are the caller's. */
struct device_options {
	const char *path;    /* of the backend's directory */
	const char *driver;  /* overrides the toolstack's node; NULL: does not */
	const char *journal; /* NULL: none */
	const char *metrics; /* NULL: none */
	int ready_fd;        /* -1: nobody waits */
	unsigned poll_us;
	unsigned max_queues; /* rings to offer, 1 to BLKIF_MAX_QUEUES */
	/*
	 * confine - give up all that serving does not take: everything is open, nothing has
	 * been read that a guest wrote. @driver: the storage driver; @servers: what it connects to
	 * while it serves. 0 or -errno, which ends the device. NULL: do without.
	 */
	int (*confine)(const struct blk_driver *driver, const struct servers *servers);
};

/** The exit codes of sluice-blk. */
enum device_exit {
	DEVICE_REMOVED = 0,     /* by the toolstack or SIGTERM; everything taken was answered */
	DEVICE_USAGE = 1,       /* options, store, hypervisor or nodes: could not start */
	DEVICE_NO_STORAGE = 2,  /* the error node says why; starting again at once is no use */
	DEVICE_LOST_STORE = 3,  /* the store went away while serving */
	DEVICE_STUCK = 4,       /* storage did not complete what was in flight in time */
};

/**
 * device_start() - read the toolstack's nodes, open the storage, begin to serve.
 * @status: on failure, the exit code; the reason was logged and published
 *
 * The loop ends with an enum device_exit. Return: NULL on failure.
 */
struct device *device_start(struct loop *loop, const struct device_options *options, int *status);

/** device_stop() - SIGTERM: answer what was taken, close, end the loop; bounded in time. */
void device_stop(struct device *d);

/**
 * device_check_size() - SIGHUP, or a change of the node "resize": look at the storage's
 * size, and tell the frontend when it changed.
 */
void device_check_size(struct device *d);

/** device_free() - after the loop ended. NULL is fine. */
void device_free(struct device *d);

#endif

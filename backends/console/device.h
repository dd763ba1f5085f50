/* SPDX-License-Identifier: MIT */
/* A console as its backend has it: the ring's page, the event channel, and what the guest may cost. */
#ifndef SLUICE_BACKENDS_CONSOLE_DEVICE_H
#define SLUICE_BACKENDS_CONSOLE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/loop.h"

struct device;

/** struct device_ops - called from the loop. */
struct device_ops {
	/** @output: the guest wrote this. Keep it; its room is given back to the guest on return. */
	void (*output)(void *opaque, const char *data, size_t len);
	/** @served: after output, and when the guest took input: device_give() may have room. */
	void (*served)(void *opaque);
	/**
	 * @failed: nothing moves any more. -EPROTO: the guest broke the ring, and another connection
	 * may follow; else the hypervisor is gone, which has been said.
	 */
	void (*failed)(void *opaque, int error);
};

/** struct device_limits - per second, 0: none; what is over waits, and the guest with it. */
struct device_limits {
	uint64_t bytes, events;
};

/** struct device_counters - since it was made. */
struct device_counters {
	uint64_t bytes_out, bytes_in, events;
	uint64_t delays; /* how often a limit was met */
};

/** device_new() - not connected. Return: NULL with errno set; the cause is logged. */
struct device *device_new(struct loop *loop, const struct device_limits *limits,
	const struct device_ops *ops, void *opaque);
/** device_free() - NULL is fine. */
void device_free(struct device *d);

/**
 * device_connect() - map the console of @domid and bind its @port; served from the next turn on.
 * @ref: the grant of its ring: GNTTAB_RESERVED_CONSOLE is the primary one's in a vm
 * @place: where a predecessor was in the ring, or NULL; a place that cannot be is not used
 *
 * Return: 0, or -errno with @why.
 */
int device_connect(struct device *d, uint32_t domid, uint32_t ref, uint32_t port,
	const uint32_t *place, char *why, size_t why_room) must_check;
/** device_place() - where it is in the ring. */
uint32_t device_place(const struct device *d);
/** device_disconnect() - tell the guest and let go. */
void device_disconnect(struct device *d);

/** device_serve() - move what the guest has written until now, as far as it may. */
void device_serve(struct device *d);
/** device_drain() - the same at the end, when no limit counts: a ring's worth and a little more. */
void device_drain(struct device *d);
/** device_room() - bytes that device_give() takes now; 0 when it failed. */
size_t device_room(struct device *d);
/** device_give() - input for the guest; returns how much was taken. */
size_t device_give(struct device *d, const char *data, size_t len);
const struct device_counters *device_counters(const struct device *d);

#endif

/* SPDX-License-Identifier: MIT */
/* A domain's console as its backend has it: the ring's page and the event channel. */
#ifndef SLUICE_BACKENDS_CONSOLE_DEVICE_H
#define SLUICE_BACKENDS_CONSOLE_DEVICE_H

#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/loop.h"

struct device;

/** struct device_ops - called from the loop. */
struct device_ops {
	/** @output: the guest wrote this. */
	void (*output)(void *opaque, const char *data, size_t len);
	/** @room: the guest took input: device_give() may have room again. */
	void (*room)(void *opaque);
	/** @failed: for good, said already; -EPROTO: the guest broke the ring, else the hypervisor is gone. */
	void (*failed)(void *opaque, int error);
};

/**
 * device_open() - map the console of @domid and bind its @port.
 * @ref: the grant of its ring: GNTTAB_RESERVED_CONSOLE is the primary one's in a vm
 * Return: NULL with errno set; the cause is logged.
 */
struct device *device_open(struct loop *loop, uint32_t domid, uint32_t ref, uint32_t port,
	const struct device_ops *ops, void *opaque);
/** device_close() - NULL is fine. */
void device_close(struct device *d);

/** device_serve() - move what the guest has written until now. */
void device_serve(struct device *d);
/** device_room() - bytes that device_give() takes now; 0 when it failed. */
size_t device_room(struct device *d);
/** device_give() - input for the guest; returns how much was taken. */
size_t device_give(struct device *d, const char *data, size_t len);

#endif

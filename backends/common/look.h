/* SPDX-License-Identifier: MIT */
/* What the store says of a device now, as far as a backend's state goes. */
#ifndef SLUICE_BACKENDS_COMMON_LOOK_H
#define SLUICE_BACKENDS_COMMON_LOOK_H

#include <stdbool.h>

#include <xen/io/xenbus.h>
#include <xenstore.h>

#include "common/cleanup.h"

/** struct look - what there is to see. */
struct look {
	XenbusState frontend;
	XenbusState target; /* what the toolstack wrote over our state; Unknown: nothing */
	bool online;        /* the toolstack wants the device */
	bool gone;          /* our directory was removed */
};

/**
 * look_at_device() - read it all anew.
 * @path: our directory; @frontend: its own
 * @state: ours, as last written
 *
 * A frontend's state that is no number asks for nothing (Reconfiguring); what the guest hides
 * is absent.
 *
 * Return: 0; or -errno: something could not be read, and nothing follows from it. Least of all
 * that nobody wants the device, for which `online` has to be 0 or absent.
 */
int look_at_device(struct xs_handle *xs, const char *path, const char *frontend, XenbusState state,
	struct look *look) must_check;

#endif

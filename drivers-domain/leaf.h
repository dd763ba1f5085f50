/* SPDX-License-Identifier: MIT */
/* A device's nodes in the store, as far as the daemon reads and writes them. */
#ifndef SLUICE_DRIVERS_DOMAIN_LEAF_H
#define SLUICE_DRIVERS_DOMAIN_LEAF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "drivers-domain/device.h"
#include "drivers-domain/scan.h"

struct xs_handle;

/**
 * leaf_read() - what the nodes say now; @view.changed is left alone.
 *
 * A node that is missing, too long, no number or not ours to read makes the device
 * invalid or absent, never an error. Return: 0, or -errno when the store is gone.
 */
int leaf_read(struct xs_handle *xs, const char *leaf, const struct leaf_name *name,
	struct device_view *view) must_check;
/** leaf_fingerprint() - a hash of the nodes that only the toolstack writes. */
uint64_t leaf_fingerprint(struct xs_handle *xs, const char *leaf);
/** leaf_close() - write state Closed for a device that nobody serves. 0 or -errno. */
int leaf_close(struct xs_handle *xs, const char *leaf) must_check;
/** leaf_init_wait() - write state InitWait over Initialising, if it is that. 0 or -errno. */
int leaf_init_wait(struct xs_handle *xs, const char *leaf) must_check;
/**
 * leaf_delete() - delete a leaf that is Closed and offline, in one transaction.
 *
 * Return: 0 (also when there was none), -EBUSY when it is in use again, -errno.
 */
int leaf_delete(struct xs_handle *xs, const char *leaf) must_check;
/** leaf_report() - put the reason of a failure where xenbus clients look for it. 0 or -errno. */
int leaf_report(struct xs_handle *xs, const char *leaf, int error, const char *text) must_check;
/** leaf_forget() - remove what leaf_report() and backends put there, of a device that is gone. */
void leaf_forget(struct xs_handle *xs, const char *leaf);
/** leaf_forget_guest() - remove libxl/FRONTEND, as xl's daemon does with a guest's last device. */
void leaf_forget_guest(struct xs_handle *xs, uint32_t frontend);
/** leaf_store_is_gone() - this error of the store means that it cannot be talked to any more. */
bool leaf_store_is_gone(int error);

#endif

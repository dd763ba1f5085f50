/* SPDX-License-Identifier: MIT */
/* The devices whose metrics can be read: of a user's stacks, or of one driver domain. */
#ifndef SLUICE_TOOLS_METRICS_FIND_H
#define SLUICE_TOOLS_METRICS_FIND_H

#include "drivers-domain/scan.h"
#include "tools/metrics-read.h"

/** METRICS_DEVICES - more are not looked at. */
#define METRICS_DEVICES 512u

/** struct metrics_device - a device and what its backend shows. */
struct metrics_device {
	char place[64];     /* the process id of the stack's sluice, or "-" for --run-dir */
	unsigned backend;   /* domid of the driver domain in that stack, 0: not known */
	struct leaf_name name; /* from the file's name, which is the daemon's */
	char guest[32];     /* a-z A-Z 0-9 . _ -; "" when it is not known */
	char disk[24];      /* "xvda", or the number; "vif0" */
	struct metrics_view *view; /* ours */
};

/** struct metrics_list - zero is empty. Sorted. */
struct metrics_list {
	struct metrics_device *device;
	unsigned count;
	unsigned skipped;   /* files that are no metrics, or too many */
};

/**
 * metrics_find() - what there is now.
 * @run_dir: of a sluice-driverd; NULL: of all stacks of this user
 *
 * Return: 0 or -errno: -ENOMEM, or why @run_dir cannot be read.
 */
int metrics_find(const char *run_dir, struct metrics_list *list) must_check;
/** metrics_list_free() - and make it empty. */
void metrics_list_free(struct metrics_list *list);
/** metrics_list_find() - the device of that identity in @list, or NULL. */
const struct metrics_device *metrics_list_find(const struct metrics_list *list,
	const struct metrics_device *like);

#endif

/* SPDX-License-Identifier: MIT */
/* Where a partition is, and whether the kernel has a device for it. */
#ifndef SLUICE_BACKENDS_BLK_PARTITION_FIND_H
#define SLUICE_BACKENDS_BLK_PARTITION_FIND_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/** struct partition_found - bytes, and the kernel's device of exactly that part: malloc'ed, or NULL. */
struct partition_found {
	uint64_t start, length;
	char *device;
};

/**
 * partition_find() - have sluice-probe read the table.
 * @path: of a disk or an image
 * @which: a number, PARTUUID=, PARTLABEL=, UUID= or LABEL=
 *
 * Return: 0 or -errno with @why.
 */
int partition_find(const char *path, const char *which, struct partition_found *found, char *why,
	size_t why_room) must_check;

#endif

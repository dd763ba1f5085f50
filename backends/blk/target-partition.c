// SPDX-License-Identifier: MIT
/*
 * partition:NAME:WHICH, a partition of a disk or of an image: WHICH is a number, PARTUUID=...,
 * PARTLABEL=..., UUID=... or LABEL=..., and NAME a path or anything that becomes one.
 *
 * The partition table may be a guest's work: sluice-probe, a process of its own that is
 * confined before it reads a byte, looks at it and says where the partition is. Where the
 * kernel has a device for exactly that part of a disk, that is opened: then the kernel, too,
 * keeps it and others that use it or the whole disk apart.
 */
#include "config.h"
#include "backends/blk/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/blk/drivers.h"
#include "backends/blk/partition-find.h"
#include "common/storage-name.h"

static int partition_narrow(struct blk_target *t, const char *which, char *why, size_t room)
{
	struct partition_found found;
	int rc = partition_find(t->filename, which, &found, why, room);

	if (rc < 0)
		return rc;
	if (found.device) {
		free(t->filename);
		t->filename = found.device;
		return 0;
	}
	t->start = found.start;
	t->length = found.length;
	return 0;
}

static int partition_resolve(const char *rest, const struct target_wish *wish, struct blk_target *t,
	char *why, size_t room)
{
	CLEANUP_FREE char *name = strdup(rest);
	char *which = name ? (char *)storage_name_which(name) : NULL;
	int rc;

	if (!which || which == name || !which[1]) {
		snprintf(why, room, "partition:%s: write partition:PATH:WHICH, WHICH a number, PARTUUID=.., PARTLABEL=.., UUID=.. or LABEL=..",
			rest);
		return -EINVAL;
	}
	*which++ = '\0';
	rc = target_resolve(name, wish, t, why, room);
	if (rc < 0)
		return rc;
	if (t->driver != &blk_driver_uring && t->driver != &blk_driver_aio) {
		snprintf(why, room, "partition:%s: partitions are of files and block devices only", rest);
		rc = -EOPNOTSUPP;
	} else if (t->length) {
		snprintf(why, room, "partition:%s: a partition of a partition is not known here", rest);
		rc = -EOPNOTSUPP;
	} else {
		rc = partition_narrow(t, which, why, room);
	}
	if (rc < 0)
		target_release(t);
	return rc;
}

const struct target_kind target_partition = {
	.name = "partition",
	.text = "PATH:WHICH: a partition, by number, PARTUUID=, PARTLABEL=, UUID= or LABEL=",
	.resolve = partition_resolve,
};

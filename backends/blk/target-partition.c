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

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backends/blk/drivers.h"
#include "backends/blk/helper.h"
#include "common/storage-name.h"

#define PARTITION_SECTOR 512u
#define PARTITION_PROBE_MS 30000u

/* --- asking the probe --------------------------------------------------------------------- */

/* "START LENGTH\n" in bytes, and nothing else. */
static int partition_parse(const char *text, uint64_t *start, uint64_t *length)
{
	int used = -1;

	if (!isdigit((unsigned char)text[0]) ||
		sscanf(text, "%20" SCNu64 " %20" SCNu64 "\n%n", start, length, &used) != 2 ||
		used < 0 || text[used] != '\0')
		return -EPROTO;
	if (*length == 0 || (*start | *length) % PARTITION_SECTOR || *start > INT64_MAX ||
		*length > INT64_MAX - *start)
		return -EPROTO;
	return 0;
}

static int partition_probe(const char *path, const char *which, int fd, uint64_t *start,
	uint64_t *length, char *why, size_t room)
{
	const char *const argv[] = { "sluice-probe", path, which, NULL };
	char out[128];
	int rc = helper_run("backends/blk", argv, fd, PARTITION_PROBE_MS, out, sizeof(out), why, room);

	if (rc < 0)
		return rc;
	rc = partition_parse(out, start, length);
	if (rc < 0)
		snprintf(why, room, "%s: sluice-probe's answer makes no sense", path);
	return rc;
}

/* --- the kernel's device for it --------------------------------------------------------------- */

static bool partition_read_number(const char *dir, const char *name, const char *file, uint64_t *n)
{
	CLEANUP_FREE char *path = NULL;
	FILE *f;
	bool ok;

	if (asprintf(&path, "%s/%s/%s", dir, name, file) < 0)
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fscanf(f, "%" SCNu64, n) == 1;
	fclose(f);
	return ok;
}

static char *partition_device_name(const char *dir, const char *name)
{
	uint64_t major_no = 0, minor_no = 0;
	CLEANUP_FREE char *dev = NULL;
	char *path = NULL;
	struct stat sb;
	FILE *f;
	int n;

	if (asprintf(&path, "/dev/%s", name) < 0)
		return NULL;
	if (asprintf(&dev, "%s/%s/dev", dir, name) >= 0 && (f = fopen(dev, "re"))) {
		n = fscanf(f, "%" SCNu64 ":%" SCNu64, &major_no, &minor_no);
		fclose(f);
		if (n == 2 && stat(path, &sb) == 0 && S_ISBLK(sb.st_mode) &&
			sb.st_rdev == makedev((unsigned)major_no, (unsigned)minor_no))
			return path;
	}
	free(path);
	return NULL;
}

/* Malloc'ed; NULL: there is none, or it cannot be found. */
static char *partition_device(dev_t disk, uint64_t start, uint64_t length)
{
	char dir[64], *found = NULL;
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u", major(disk), minor(disk));
	d = opendir(dir);
	while (d && !found && (e = readdir(d))) {
		uint64_t at, size, number;

		if (partition_read_number(dir, e->d_name, "partition", &number) &&
			partition_read_number(dir, e->d_name, "start", &at) &&
			partition_read_number(dir, e->d_name, "size", &size) &&
			at == start / PARTITION_SECTOR && size == length / PARTITION_SECTOR)
			found = partition_device_name(dir, e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

/* --- resolving ---------------------------------------------------------------------------------- */

static int partition_narrow(struct blk_target *t, const char *which, char *why, size_t room)
{
	int fd = open(t->filename, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint64_t start = 0, length = 0;
	char *device = NULL;
	struct stat sb;
	int rc = 0;

	if (fd < 0 || fstat(fd, &sb) < 0) {
		rc = -errno;
		snprintf(why, room, "%s: its partitions cannot be read: %s", t->filename, strerror(-rc));
	} else {
		rc = partition_probe(t->filename, which, fd, &start, &length, why, room);
	}
	if (rc == 0 && S_ISBLK(sb.st_mode))
		device = partition_device(sb.st_rdev, start, length);
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		return rc;
	if (device) {
		free(t->filename);
		t->filename = device;
		return 0;
	}
	t->start = start;
	t->length = length;
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

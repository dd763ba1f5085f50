// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/partition-find.h"

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

#include "backends/blk/helper.h"

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

/* --- both ----------------------------------------------------------------------------------------- */

int partition_find(const char *path, const char *which, struct partition_found *found, char *why,
	size_t why_room)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat sb;
	int rc;

	*found = (struct partition_found){ .device = NULL };
	if (fd < 0 || fstat(fd, &sb) < 0) {
		rc = -errno;
		snprintf(why, why_room, "%s: its partitions cannot be read: %s", path, strerror(-rc));
		return rc;
	}
	rc = partition_probe(path, which, fd, &found->start, &found->length, why, why_room);
	if (rc == 0 && S_ISBLK(sb.st_mode))
		found->device = partition_device(sb.st_rdev, found->start, found->length);
	return rc;
}

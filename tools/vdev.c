// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/vdev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VDEV_DISK_MAX ((1u << 20) - 1)
#define VDEV_PARTITION_MAX 255u
#define VDEV_XVD_MAJOR 202u

/* Letters as a number to base 26 whose digits run from 1, less one: a 0, z 25, aa 26. */
static const char *parse_disk(const char *p, uint32_t *disk)
{
	uint32_t n = 0;

	if (*p < 'a' || *p > 'z')
		return NULL;
	for (; *p >= 'a' && *p <= 'z'; p++) {
		n = n * 26 + (*p - 'a' + 1);
		if (n > VDEV_DISK_MAX + 1)
			return NULL;
	}
	*disk = n - 1;
	return p;
}

int vdev_parse(const char *name, uint32_t *vdev)
{
	uint32_t disk, partition = 0;
	const char *p;

	if (strncmp(name, "xvd", 3) != 0 || name[3] < 'a' || name[3] > 'z')
		return -EINVAL;
	p = parse_disk(name + 3, &disk);
	if (!p)
		return -ERANGE;
	/* A partition has no leading zero: "xvda0" and "xvda01" name nothing. */
	if (*p == '0')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		partition = partition * 10 + (*p - '0');
		if (partition > VDEV_PARTITION_MAX)
			return -ERANGE;
	}
	if (*p)
		return -EINVAL;
	if (disk < 16 && partition < 16)
		*vdev = VDEV_XVD_MAJOR << 8 | disk << 4 | partition;
	else
		*vdev = 1u << 28 | disk << 8 | partition;
	return 0;
}

void vdev_name(unsigned disk, char *name, unsigned room)
{
	char letters[8];
	unsigned n = sizeof(letters);
	unsigned long left = disk + 1ul;

	letters[--n] = '\0';
	while (left && n) {
		left--;
		letters[--n] = 'a' + left % 26;
		left /= 26;
	}
	snprintf(name, room, "xvd%s", letters + n);
}

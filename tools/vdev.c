// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/vdev.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define VDEV_DISK_MAX ((1u << 20) - 1)
#define VDEV_PARTITION_MAX 255u
#define VDEV_XVD_MAJOR 202u
#define VDEV_SD_MAJOR 8u
#define VDEV_IDE0_MAJOR 3u
#define VDEV_IDE1_MAJOR 22u

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

/* Digits without a leading zero; NULL: there are none. */
static const char *parse_number(const char *p, uint32_t max, uint32_t *n)
{
	*n = 0;
	if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++)
		*n = *n > max ? *n : *n * 10 + (uint32_t)(*p - '0');
	return p;
}

static int number_xvd(uint32_t disk, uint32_t partition, uint32_t *vdev)
{
	if (disk < 16 && partition < 16)
		*vdev = VDEV_XVD_MAJOR << 8 | disk << 4 | partition;
	else
		*vdev = 1u << 28 | disk << 8 | partition;
	return 0;
}

static int number_sd(uint32_t disk, uint32_t partition, uint32_t *vdev)
{
	if (disk >= 16 || partition >= 16)
		return -ERANGE;
	*vdev = VDEV_SD_MAJOR << 8 | disk << 4 | partition;
	return 0;
}

static int number_hd(uint32_t disk, uint32_t partition, uint32_t *vdev)
{
	if (disk >= 4 || partition >= 64)
		return -ERANGE;
	*vdev = (disk < 2 ? VDEV_IDE0_MAJOR : VDEV_IDE1_MAJOR) << 8 | (disk & 1) << 6 | partition;
	return 0;
}

/* "d5p1" */
static int parse_d(const char *p, uint32_t *vdev)
{
	uint32_t disk, partition = 0;

	p = parse_number(p, VDEV_DISK_MAX, &disk);
	if (p && *p == 'p')
		p = parse_number(p + 1, VDEV_PARTITION_MAX, &partition);
	if (!p || *p)
		return -EINVAL;
	if (disk > VDEV_DISK_MAX || partition > VDEV_PARTITION_MAX)
		return -ERANGE;
	return number_xvd(disk, partition, vdev);
}

/* Letters, and a partition, which is not 0 then. */
static int parse_letters(const char *p, uint32_t *disk, uint32_t *partition)
{
	*partition = 0;
	if (*p < 'a' || *p > 'z')
		return -EINVAL;
	p = parse_disk(p, disk);
	if (!p)
		return -ERANGE;
	if (!*p)
		return 0;
	p = *p == '0' ? NULL : parse_number(p, VDEV_PARTITION_MAX, partition);
	if (!p || *p)
		return -EINVAL;
	return *partition > VDEV_PARTITION_MAX ? -ERANGE : 0;
}

int vdev_parse(const char *name, uint32_t *vdev)
{
	static const struct {
		const char *prefix;
		int (*number)(uint32_t disk, uint32_t partition, uint32_t *vdev);
	} families[] = { { "xvd", number_xvd }, { "sd", number_sd }, { "hd", number_hd } };
	uint32_t disk, partition;
	int error;

	for (unsigned i = 0; i < 3; i++) {
		size_t length = strlen(families[i].prefix);

		if (strncmp(name, families[i].prefix, length) != 0)
			continue;
		error = parse_letters(name + length, &disk, &partition);
		return error < 0 ? error : families[i].number(disk, partition, vdev);
	}
	return name[0] == 'd' ? parse_d(name + 1, vdev) : -EINVAL;
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

void vdev_format(uint32_t vdev, char *name, unsigned room)
{
	bool extended = vdev >> 28 == 1;
	uint32_t disk = extended ? (vdev >> 8) & VDEV_DISK_MAX : (vdev >> 4) & 15;
	uint32_t partition = vdev & (extended ? VDEV_PARTITION_MAX : 15);
	char whole[16];
	uint32_t back;

	vdev_name(disk, whole, sizeof(whole));
	snprintf(name, room, partition ? "%s%u" : "%s", whole, partition);
	/* Other majors, and disks with two numbers, of which only one is used. */
	if (vdev_parse(name, &back) < 0 || back != vdev)
		snprintf(name, room, "%u", vdev);
}

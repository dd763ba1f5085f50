/* SPDX-License-Identifier: MIT */
/* Virtual device numbers of disks, as xen-vbd-interface(7) lays them down. Pure. */
#ifndef SLUICE_TOOLS_VDEV_H
#define SLUICE_TOOLS_VDEV_H

#include <stdint.h>

#include "common/cleanup.h"

/**
 * vdev_parse() - the number of a disk's name.
 * @name: "xvda" to "xvdzz..", with or without a partition ("xvda1"); the whole disk
 *	is partition 0
 *
 * "sda" to "sdp15" and "hda" to "hdd63" are those of SCSI and IDE disks, "d0", "d5p1" another
 * spelling of "xvda", "xvdf1". Disks up to xvdp with partitions up to 15 are 202 << 8 | disk << 4 | partition, all
 * others 1 << 28 | disk << 8 | partition. Return: 0, or -EINVAL (no such name), or
 * -ERANGE (the disk is beyond 2^20 - 1 or the partition beyond 255).
 */
int vdev_parse(const char *name, uint32_t *vdev) must_check;

/** vdev_name() - the name of whole disk number @disk (0: "xvda"), at most 16 bytes. */
void vdev_name(unsigned disk, char *name, unsigned room);

/**
 * vdev_format() - the reverse of vdev_parse(); the number where there is no such name.
 * @name: at most 16 bytes
 */
void vdev_format(uint32_t vdev, char *name, unsigned room);

#endif

/* SPDX-License-Identifier: MIT */
/* The kernel's word that a block device changed: uevents of that device alone. */
#ifndef SLUICE_BACKENDS_BLK_LVM_WATCH_H
#define SLUICE_BACKENDS_BLK_LVM_WATCH_H

#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

/**
 * lvm_watch_open() - a descriptor that is readable after @device may have changed. The
 * kernel filters: other devices' events wake nobody.
 *
 * Return: it, or -errno; -ENOENT: /sys does not know the device.
 */
int lvm_watch_open(dev_t device) must_check;
/** lvm_watch_drain() - take what is there. 0 or -errno: the descriptor is of no use any more. */
int lvm_watch_drain(int fd) must_check;
/** lvm_watch_size() - of @device, as /sys has it, in sectors of 512 bytes; 0: it is gone. */
uint64_t lvm_watch_size(dev_t device);

#endif

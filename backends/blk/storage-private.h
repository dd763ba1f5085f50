/* SPDX-License-Identifier: MIT */
/* What storage.c and storage-lock.c share; nobody else. */
#ifndef SLUICE_BACKENDS_BLK_STORAGE_PRIVATE_H
#define SLUICE_BACKENDS_BLK_STORAGE_PRIVATE_H

#include "backends/blk/storage.h"

/** storage_refuse() - @why becomes "PATH: TEXT". Return: @error. */
int storage_refuse(char *why, size_t room, const char *path, int error, const char *text);
/** storage_lock() - against other processes' backends and QEMU. 0 or -errno with @why. */
int storage_lock(const struct blk_conf *conf, struct storage *st, char *why, size_t room) must_check;
/** storage_check_claim() - that nobody has claimed the device of which the disk is a part. As storage_lock(). */
int storage_check_claim(const struct blk_conf *conf, const struct storage *st, char *why, size_t room)
	must_check;

#endif

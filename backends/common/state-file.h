/* SPDX-License-Identifier: MIT */
/* Files that a backend is told of on its command line and that outlive it, or that others read. */
#ifndef SLUICE_BACKENDS_COMMON_STATE_FILE_H
#define SLUICE_BACKENDS_COMMON_STATE_FILE_H

#include "common/cleanup.h"

/**
 * state_file_open() - for reading and writing; made where it is not there.
 * @where: a path, or "fd:N" for a descriptor of ours that is taken over
 *
 * Return: the descriptor, or -errno (-EINVAL: "fd:N" is none).
 */
int state_file_open(const char *where) must_check;
/**
 * state_file_lock() - exclusively, for as long as this description of it is open. 0 or -errno:
 * -EBUSY: somebody has it, -EINVAL: it is no regular file.
 */
int state_file_lock(int fd) must_check;

#endif

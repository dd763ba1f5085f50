/* SPDX-License-Identifier: MIT */
/* The file that a benchmark serves. */
#ifndef SLUICE_TOOLS_BENCH_FILE_H
#define SLUICE_TOOLS_BENCH_FILE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/**
 * bench_file_prepare() - check the file, and make it when it is missing.
 * @size: bytes that it has to have; 0: it has to be there
 * @will_write: refuse a block device that somebody holds or has mounted
 * @progress: show how far the making is, on standard error
 * @stop: making ends early, and the file goes again, when it becomes nonzero
 *
 * A file that is made is filled with noise, so that no file system can leave it out.
 * One that is there is never changed here. Return: 0, -EINTR, or -errno with @why.
 */
int bench_file_prepare(const char *path, uint64_t size, bool will_write, bool progress,
	const volatile sig_atomic_t *stop, char *why, size_t why_room) must_check;

#endif

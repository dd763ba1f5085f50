/* SPDX-License-Identifier: MIT */
/* Short-lived programs that a backend asks before it is confined. */
#ifndef SLUICE_BACKENDS_BLK_HELPER_H
#define SLUICE_BACKENDS_BLK_HELPER_H

#include <stddef.h>

#include "common/cleanup.h"

/** HELPER_FD - where a helper finds the descriptor that it was given. */
#define HELPER_FD 3

/**
 * helper_run() - run a program and take what it prints.
 * @folder: of one of our own programs in a build tree; NULL: argv[0] is looked up in PATH
 * @argv: NULL-terminated
 * @fd: becomes its HELPER_FD, -1: none; stdin is /dev/null, stderr comes to @why; it has no
 *	other descriptor, whatever its flags
 * @timeout_ms: then it is killed, with all that it started in its process group
 * @out: what it printed, NUL-terminated; more than fits is an error
 *
 * Return: 0 when it ended with 0; else -errno with @why, which is its last line on stderr
 * where there is one. One thread at a time.
 */
int helper_run(const char *folder, const char *const argv[], int fd, unsigned timeout_ms, char *out,
	size_t out_room, char *why, size_t why_room) must_check;

#endif

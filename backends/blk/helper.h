/* SPDX-License-Identifier: MIT */
/* Programs that a backend asks before it is confined, and those that stay beside it. */
#ifndef SLUICE_BACKENDS_BLK_HELPER_H
#define SLUICE_BACKENDS_BLK_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

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

/** struct helper_kept - one that stays. */
struct helper_kept {
	pid_t pid;
	int in;  /* its stdin: "e" asks it to end in order, its end of file says that we are gone */
	int out; /* what it prints; does not block */
};

/**
 * helper_keep() - run a program that prints a line when it is ready and then stays.
 * @line: that, without its newline
 *
 * As helper_run() but for: its stdin is ours to write; its HELPER_FD is our stderr, for when
 * it is ready and ours to hear no more. Return: 0, or -errno with @why, and it is gone.
 */
int helper_keep(const char *folder, const char *const argv[], unsigned timeout_ms, char *line,
	size_t line_room, struct helper_kept *kept, char *why, size_t why_room) must_check;
/**
 * helper_end() - have it end; without @orderly it is only left alone. Confined processes may.
 * Return: 0, or -errno: it did not end within @timeout_ms, or has gone before.
 */
int helper_end(struct helper_kept *kept, bool orderly, unsigned timeout_ms);

#endif

/* SPDX-License-Identifier: MIT */
/* Attributes for what dies with its scope; goto is for what may outlive it. */
#ifndef SLUICE_COMMON_CLEANUP_H
#define SLUICE_COMMON_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/** Frees the pointer when it leaves its scope; initialise it (NULL is fine). */
#define CLEANUP_FREE __attribute__((cleanup(cleanup_free)))
/** Closes the descriptor when it leaves its scope; initialise it (-1 is fine). */
#define CLEANUP_CLOSE __attribute__((cleanup(cleanup_close)))

/** Seen by modules that a program loads, see -export-dynamic; all else is the program's own. */
#define FOR_MODULES __attribute__((visibility("default")))

#define must_check __attribute__((warn_unused_result))

#endif

/* SPDX-License-Identifier: MIT */
/* The run directories of a user's stacks, for those who look for one. */
#ifndef SLUICE_TOOLS_RUNDIR_H
#define SLUICE_TOOLS_RUNDIR_H

#include "common/cleanup.h"

/**
 * rundir_each() - call @fn for each run directory, wherever stacks put them, also those of a
 * session that this is not, that is the user's alone. Its owner may be dead. Ends early when @fn
 * returns non-zero.
 */
void rundir_each(int (*fn)(const char *path, void *opaque), void *opaque);

/** struct rundir_lock - held by the one who looks for a stack and starts it. */
struct rundir_lock {
	char path[96];
	int fd;
};
/** rundir_lock() - waits for others. 0 or -errno. */
int rundir_lock(struct rundir_lock *lock) must_check;
void rundir_unlock(struct rundir_lock *lock);

#endif

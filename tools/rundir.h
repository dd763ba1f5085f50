/* SPDX-License-Identifier: MIT */
/* The run directories of a user's stacks, for those who look for one. */
#ifndef SLUICE_TOOLS_RUNDIR_H
#define SLUICE_TOOLS_RUNDIR_H

/**
 * rundir_each() - call @fn for each run directory, wherever stacks put them, that is the
 * user's alone. Its owner may be dead. Ends early when @fn returns non-zero.
 */
void rundir_each(int (*fn)(const char *path, void *opaque), void *opaque);

#endif

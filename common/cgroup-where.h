/* SPDX-License-Identifier: MIT */
/* Where a process is among the control groups, of version 1, 2, or both: cgroups(7). */
#ifndef SLUICE_COMMON_CGROUP_WHERE_H
#define SLUICE_COMMON_CGROUP_WHERE_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

/** struct cgroup_where - the group that has a controller's say over a process. */
struct cgroup_where {
	bool unified;	/* version 2 */
	char mount[64];	/* of the hierarchy */
	char dir[PATH_MAX];
};

/**
 * cgroup_where_parse() - what /proc/PID/cgroup says of @controller
 * @f: a line for each hierarchy, "ID:CONTROLLER,..:PATH", that of version 2 "0::PATH"
 * @unified: where version 2 is mounted
 *
 * The controller's own hierarchy counts, if there is one, else version 2, whether the controller is
 * enabled there or not. Return: 0, or -ENOENT.
 */
int cgroup_where_parse(FILE *f, const char *unified, const char *controller, struct cgroup_where *w);

/** cgroup_where() - the same of this process. Return: 0, or a negative errno. */
int cgroup_where(const char *controller, struct cgroup_where *w);

#endif

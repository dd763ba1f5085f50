/* SPDX-License-Identifier: MIT */
/*
 * A control group per backend, of version 1 or 2, inside the daemon's own: what bounds
 * memory and tasks of a backend that was taken over, or leaks.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_CGROUP_H
#define SLUICE_DRIVERS_DOMAIN_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

enum cgroup_kind { CGROUP_TASKS, CGROUP_MEMORY, CGROUP_KINDS };

/** struct cgroup - where groups are made; "": there is none of that kind. */
struct cgroup {
	char base[CGROUP_KINDS][512];
	bool unified[CGROUP_KINDS]; /* version 2 */
	uint64_t limit[CGROUP_KINDS]; /* tasks; bytes; 0: none */
	char prefix[48];
};

/**
 * cgroup_init() - find where groups can be made; what is missing is logged, once.
 * @id: of this daemon among those in the same group
 * @limit: tasks and bytes, by enum cgroup_kind; 0: no limit
 */
void cgroup_init(struct cgroup *c, uint64_t id, const uint64_t limit[CGROUP_KINDS]);
/** cgroup_enter() - put a process into the group @name, made if need be. What fails is logged. */
void cgroup_enter(const struct cgroup *c, const char *name, pid_t pid);
/** cgroup_remove() - remove the group @name, if nothing is left in it. */
void cgroup_remove(const struct cgroup *c, const char *name);

#endif

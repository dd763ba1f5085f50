/* SPDX-License-Identifier: MIT */
/*
 * Control groups of a confined domain: one of its own for each controller with which its
 * daemon limits backends, which is all that it sees of them. Where none can be made, for
 * want of rights most often, it has none.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_DOMAIN_CGROUP_H
#define SLUICE_HYPERVISOR_PROCESS_DOMAIN_CGROUP_H

#include "common/cleanup.h"
#include "hypervisor/process/domain-place.h"

/** DOMAIN_CGROUPS - most hierarchies that it can have a group in. */
#define DOMAIN_CGROUPS 2u

/** struct domain_cgroup - a domain's groups. */
struct domain_cgroup {
	struct domain_cgroup_one {
		char at[64];   /* where the domain has it */
		char *dir;     /* its path on the host */
		int base;      /* the directory that it is in */
		int procs;     /* takes processes: the command's group, */
		int init;      /* and the one in it that is sluice-domain-init's */
	} one[DOMAIN_CGROUPS];
	unsigned count;
	char name[40];
};

/**
 * domain_cgroup_make() - make them and go there; what dead domains left is removed. In
 * sluice-domain-init, before there is a root directory of the domain's own.
 */
void domain_cgroup_make(struct domain_cgroup *cg);
/** domain_cgroup_allow() - the domain's root directory is to have them. 0 or -errno. */
int domain_cgroup_allow(const struct domain_cgroup *cg, struct domain_list *list) must_check;
/** domain_cgroup_namespace() - see nothing else from here on. 0 or -errno. */
int domain_cgroup_namespace(const struct domain_cgroup *cg) must_check;
/** domain_cgroup_enter() - in the command, before it is executed. */
void domain_cgroup_enter(const struct domain_cgroup *cg);
/** domain_cgroup_remove() - all that was in them has ended. */
void domain_cgroup_remove(struct domain_cgroup *cg);

#endif

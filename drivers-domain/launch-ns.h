/* SPDX-License-Identifier: MIT */
/* A pid namespace for a backend: it sees and signals nobody, and dies with all it left running. */
#ifndef SLUICE_DRIVERS_DOMAIN_LAUNCH_NS_H
#define SLUICE_DRIVERS_DOMAIN_LAUNCH_NS_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/cleanup.h"

/** The kernel takes a map in one write of less than a page. */
#define LAUNCH_MAP_ROOM 4096u

/** struct launch_ns - which ids mean what in the user namespace that has to come with it. */
struct launch_ns {
	int flags; /* of clone(); 0: neither namespace */
	char uids[LAUNCH_MAP_ROOM], gids[LAUNCH_MAP_ROOM];
};

/**
 * launch_ns_init() - every id is to mean what it means here, so that the backend opens what
 * it could open without.
 * @keep_user: without a user namespace, where we may do without: it needs our right to
 * make network interfaces
 *
 * Return: 0, or -errno with flags 0: -EPERM: root that may not map other users' ids would lose
 * its right to their files.
 */
int launch_ns_init(struct launch_ns *ns, bool keep_user) must_check;

/**
 * launch_ns_fork() - fork() into the namespaces; no function runs at fork, as pthread_atfork()
 * would have it. The child waits until launch_ns_admit() is done before it opens anything.
 * Return: as fork(), or -errno.
 */
pid_t launch_ns_fork(const struct launch_ns *ns) must_check;

/** launch_ns_admit() - give the child's user namespace its ids. 0 or -errno. */
int launch_ns_admit(const struct launch_ns *ns, pid_t pid) must_check;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What changes in a domain that runs: paths come to its own root directory and leave it.
 *
 * The domain's command runs in a copy of the mount namespace in which sluice-domain-init made
 * that root; what is mounted in the first one is mounted in its copies, by the kernel,
 * and nobody in the domain has a right in the first one.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_DOMAIN_INTO_H
#define SLUICE_HYPERVISOR_PROCESS_DOMAIN_INTO_H

#include <sys/types.h>

#include "common/cleanup.h"
#include "hypervisor/process/domain-place.h"

/**
 * domain_into() - leaves the caller in that domain's mount namespace.
 * @pid: the sluice-domain-init that the toolstack started
 * @list: to place there
 * @remove: paths to unmount there, @nremove of them
 * @failed: receives the path that made it fail; borrowed, "" for none in particular
 *
 * A domain that is not confined has all of the host's files: then nothing is done.
 * Return: 0 or -errno.
 */
int domain_into(pid_t pid, struct domain_list *list, char *const *remove, unsigned nremove,
	const char **failed) must_check;

#endif

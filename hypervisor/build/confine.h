/* SPDX-License-Identifier: MIT */
/* What is left of a builder's rights while it reads files that nobody trusts. */
#ifndef SLUICE_HYPERVISOR_BUILD_CONFINE_H
#define SLUICE_HYPERVISOR_BUILD_CONFINE_H

#include <stdint.h>

#include "common/cleanup.h"

/** struct build_fds - the descriptors that a builder has; -1: none. Standard error is another. */
struct build_fds {
	int hypervisor; /* sent to */
	int kernel;     /* read */
	int initrd;     /* read */
};

/** build_close_others() - close all descriptors but standard ones and @fds. 0 or -errno. */
int build_close_others(const struct build_fds *fds) must_check;

/**
 * build_confine() - from now on this process computes, reads its inputs, answers, and ends.
 * @memory: bytes of address space for all that it will have mapped
 *
 * A refused system call fails with EPERM. Irrevocable.
 * Return: 0, -errno, or -ENOTSUP: built without libseccomp, only limits are set.
 */
int build_confine(const struct build_fds *fds, uint64_t memory) must_check;

/** build_limits() - the part of build_confine() that needs no libseccomp. 0 or -errno. */
int build_limits(uint64_t memory) must_check;

#endif

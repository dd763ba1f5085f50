/* SPDX-License-Identifier: MIT */
/*
 * A root directory of the domain's own: what a program needs to run, read-only, and what
 * the domain was allowed. Everything else of the host is not hidden but not there.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_DOMAIN_ROOT_H
#define SLUICE_HYPERVISOR_PROCESS_DOMAIN_ROOT_H

#include <stdbool.h>

#include "common/cleanup.h"

/** DOMAIN_ALLOWED_MAX - most paths that one domain is given. */
#define DOMAIN_ALLOWED_MAX 64

/** struct domain_allowed - a file, device or directory with all in it, at the same path. */
struct domain_allowed {
	const char *path; /* absolute, no symbolic link in it */
	bool readonly;
};

/**
 * domain_root_enter() - make that root, enter it and let go of the old one.
 * @stage: a directory that can be mounted on meanwhile
 * @failed: receives the path that made it fail; borrowed, "" for none in particular
 *
 * After domain_ns_enter(), domain_ns_hide() and before domain_ns_seal(). The working
 * directory is "/" then. Return: 0, or -errno: the process must not go on.
 */
int domain_root_enter(const char *stage, const struct domain_allowed *allowed, unsigned count,
	const char **failed) must_check;

#endif

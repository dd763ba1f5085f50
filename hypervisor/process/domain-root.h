/* SPDX-License-Identifier: MIT */
/*
 * A root directory of the domain's own: what a program needs to run, read-only, and what
 * the domain was allowed. Everything else of the host is not hidden but not there.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_DOMAIN_ROOT_H
#define SLUICE_HYPERVISOR_PROCESS_DOMAIN_ROOT_H

#include <stdbool.h>

#include "common/cleanup.h"

struct domain_list;

/**
 * domain_root_enter() - make that root, enter it and let go of the old one.
 * @stage: a directory that can be mounted on meanwhile
 * @list: open; what is in it stays the caller's
 * @failed: receives the path that made it fail; borrowed, "" for none in particular
 *
 * After domain_ns_enter(), domain_ns_hide() and before domain_ns_seal(). The working
 * directory is "/" then. What is mounted in the root later is mounted in copies of this
 * mount namespace, too. Return: 1: done; 0: not possible here, with errno set, and everything
 * is as it was; -errno: the process must not go on.
 */
int domain_root_enter(const char *stage, const struct domain_list *list, const char **failed)
	must_check;
/** domain_root_lock() - whether the root directory can be written, in this mount namespace. */
int domain_root_lock(bool readonly) must_check;

#endif

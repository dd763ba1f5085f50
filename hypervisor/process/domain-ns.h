/* SPDX-License-Identifier: MIT */
/* What a process domain does not see of the rest of the host. */
#ifndef SLUICE_HYPERVISOR_PROCESS_DOMAIN_NS_H
#define SLUICE_HYPERVISOR_PROCESS_DOMAIN_NS_H

#include <stdbool.h>

#include "common/cleanup.h"

/**
 * domain_ns_enter() - leave the caller's mount, pid and ipc namespaces, through a new user
 * namespace (with the same uid and gid) where that is needed.
 *
 * Return: 0, or -errno: nothing was left. The next child is pid 1 of its namespace.
 */
int domain_ns_enter(void) must_check;

/**
 * domain_ns_hide() - show nothing of @run_dir but @domain_dir, at the same path. In
 * the child, after domain_ns_enter(). 0 or -errno.
 */
int domain_ns_hide(const char *run_dir, const char *domain_dir) must_check;

/** domain_ns_proc() - a /proc that shows the own processes only. 0 or -errno. */
int domain_ns_proc(void) must_check;

#endif

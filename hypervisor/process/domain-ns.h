/* SPDX-License-Identifier: MIT */
/*
 * What a process domain does not see of the rest of the host, and cannot bring back.
 *
 * It is hidden in one user namespace and the command runs in another inside that:
 * mounts that a namespace got from a more privileged one are locked, so that nobody
 * in it can unmount them, root with all capabilities included.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_DOMAIN_NS_H
#define SLUICE_HYPERVISOR_PROCESS_DOMAIN_NS_H

#include <stdbool.h>

#include "common/cleanup.h"

/**
 * domain_ns_enter() - leave the caller's user, mount, pid and ipc namespaces, keeping its
 * uid and gid; where no user namespace is allowed, the others alone, which takes root.
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

/**
 * domain_ns_seal() - lock what was mounted so far, in further user and mount namespaces.
 * @network: with a network namespace that belongs to that user namespace
 *
 * Return: 0, or -errno: nothing changed; who has CAP_SYS_ADMIN can unmount it.
 */
int domain_ns_seal(bool network) must_check;
/** domain_ns_network() - a network namespace, where there was nothing to seal with. 0 or -errno. */
int domain_ns_network(void) must_check;

/* domain-userns.c */

/**
 * domain_userns_enter() - unshare(CLONE_NEWUSER | @flags) with the same ids inside as
 * outside: all that there are if the caller has the capabilities for that, else its own uid
 * and gid.
 *
 * Return: 0, or -errno: nothing was left. Exits if it was left and the ids are lost.
 */
int domain_userns_enter(int flags) must_check;

/* domain-caps.c */

/** domain_caps_may_map_ids() - may the caller give a new user namespace all of its ids? */
bool domain_caps_may_map_ids(void);
/**
 * domain_caps_drop() - for good, also for what is executed from now on: all but
 * CAP_DAC_OVERRIDE, which root's access to other users' files is.
 * @network: and CAP_NET_ADMIN, over a network namespace of the domain's own
 *
 * Return: 0 or -errno.
 */
int domain_caps_drop(bool network) must_check;
/**
 * domain_caps_keep_mount() - keep CAP_SYS_ADMIN over the own namespaces across exec, also
 * for who is not root. 0 or -errno.
 */
int domain_caps_keep_mount(void) must_check;

#endif

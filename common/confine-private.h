/* SPDX-License-Identifier: MIT */
/* The steps of confine_self(); each 0 or -errno. */
#ifndef SLUICE_COMMON_CONFINE_PRIVATE_H
#define SLUICE_COMMON_CONFINE_PRIVATE_H

#include "common/confine.h"

/** confine_namespaces() - own ones. @network: one of these, too. *@users: a user namespace, too. */
int confine_namespaces(bool network, bool *users) must_check;
/** confine_root() - an empty, read-only root. Open files stay open on what they were opened on. */
int confine_root(void) must_check;
/**
 * confine_landlock() - no access to any file, and by newer kernels no more than that. ABI or -errno.
 * @network: nor TCP
 */
int confine_landlock(bool network) must_check;
/** confine_landlock_dir() - the same, but for files in the directory @dir, which are made, written, moved and removed. */
int confine_landlock_dir(bool network, int dir) must_check;
/**
 * confine_limits() - @users: the number of this user's processes is counted for us alone;
 * @files: the most descriptors; 0: a backend's.
 */
int confine_limits(bool users, unsigned files) must_check;
/** confine_privileges() - no capabilities, no new privileges, not dumpable. */
int confine_privileges(void) must_check;
/**
 * confine_seccomp() - the number of rules, or -errno; -ENOTSUP: built without.
 * @servers: with what a user of connections needs that a broker makes; rules of others for these calls
 *	are left out, @extra's included
 */
int confine_seccomp(const struct confine_table *extra, bool servers) must_check;

#endif

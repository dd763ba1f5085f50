/* SPDX-License-Identifier: MIT */
/* What each running backend can still reach, as the kernel says in /proc. */
#ifndef SLUICE_DRIVERS_DOMAIN_AUDIT_H
#define SLUICE_DRIVERS_DOMAIN_AUDIT_H

/**
 * audit_run() - print it for the backends whose locks are in a daemon's run directory.
 *
 * Changes and locks nothing, and needs no daemon. Return: the exit status: 0 all are confined as
 * far as can be seen, 1 one is not, 2 the directory or a backend cannot be looked at.
 */
int audit_run(const char *run_dir);

#endif

/* SPDX-License-Identifier: MIT */
/* For tests of confinement: a traced process that is made to call the kernel. x86-64 only. */
#ifndef SLUICE_TESTS_PUPPET_H
#define SLUICE_TESTS_PUPPET_H

#include <sys/types.h>
#include <sys/user.h>

/** struct puppet - a stopped process. */
struct puppet {
	pid_t pid;
	struct user_regs_struct regs;
	long text; /* where its string argument is */
};

/** puppet_wait_stop() - until the tracee stops. */
void puppet_wait_stop(pid_t pid);
/** puppet_stop() - stop the first thread of a tracee in the middle of a system call that waits. */
void puppet_stop(struct puppet *p, pid_t pid);
void puppet_go(struct puppet *p);
/** puppet_call() - have it call @nr; returns what the kernel returned. */
long puppet_call(struct puppet *p, long nr, long a, long b, long c, long d);
/** puppet_refused() - fails unless all that a hypervisor must not do is refused to it. */
void puppet_refused(struct puppet *p);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A private stack: a hypervisor, a store, a storage driver domain with its daemon,
 * and a guest process domain, all children of the caller, all gone with it. Needs
 * no root. One thread.
 */
#ifndef SLUICE_TOOLS_STACK_H
#define SLUICE_TOOLS_STACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

struct stack;

/** struct stack_disk - a disk for a guest domain. */
struct stack_disk {
	const char *filename;    /* made absolute */
	const char *driver;      /* NULL: the default */
	const char *dev;         /* "xvda", "xvdb", ... */
	bool readonly;
	bool buffered;           /* not O_DIRECT */
	bool cdrom;
	bool no_discard;         /* the guest is not offered to discard */
	bool direct_io_safe;     /* pages of the guest may go to remote storage as they are */
	bool shared;             /* others may write the same storage, too */
	bool untrusted;          /* the guest is told not to trust its backend */
	const char *backend;     /* the name of the driver domain that serves it; NULL: ours */
};

/** struct stack_options - what a stack is made of; all zero: what vms need. */
struct stack_options {
	bool guest;                /* a guest process domain */
	const char *kvm;           /* /dev/kvm's path; NULL: the default */
	const char *hypercalls;    /* the hypervisor's option of this name; NULL: the default */
	bool (*cancelled)(void);   /* true: give up what is being waited for with -EINTR; or NULL */
};

/**
 * stack_start() - run directory, hypervisor, store, domain 0, storage domain with
 * sluice-driverd, guest domain; returns when all answer.
 * @why: one line that names what failed and the remedy
 *
 * SIGINT and SIGTERM of the caller are the caller's: it calls stack_stop(). The
 * children do not get the terminal's Ctrl-C and die with the caller, whatever
 * ends it. Return: NULL with errno set.
 */
struct stack *stack_start(char *why, size_t why_room);
/** stack_start_with() - as stack_start(), which has a guest domain and nothing else special. */
struct stack *stack_start_with(const struct stack_options *options, char *why, size_t why_room);

/**
 * stack_attach_disk() - what a toolstack writes for a disk: backend and frontend
 * directories with permissions, in one transaction; then waits for the backend's
 * InitWait or its error node. Return: 0 or -errno with @why.
 */
int stack_attach_disk(struct stack *st, const struct stack_disk *disk, char *why, size_t why_room);
/** stack_run_dir() - the private directory of this stack, hidden from its domains. */
const char *stack_run_dir(const struct stack *st);

/**
 * stack_spawn_guest() - run a command in the guest domain.
 * @argv: NULL-terminated; argv[0] is looked up in PATH
 * @pass_fd: a descriptor to inherit as it is, -1 for none
 *
 * It may mount file systems in the domain (STACK_SPAWN_MAY_MOUNT). Return: the pid to
 * wait for, or -errno. Its status is the command's.
 */
pid_t stack_spawn_guest(struct stack *st, char *const argv[], int pass_fd);

/** STACK_SPAWN_SESSION - away from the terminal: Ctrl-C is the caller's alone. */
#define STACK_SPAWN_SESSION 1u
/** STACK_SPAWN_MAY_MOUNT - the command may mount file systems there, with FUSE. */
#define STACK_SPAWN_MAY_MOUNT 2u
/** stack_spawn_guest_flags() - as stack_spawn_guest(), with STACK_SPAWN_ flags. */
pid_t stack_spawn_guest_flags(struct stack *st, char *const argv[], int pass_fd, unsigned flags);
/** stack_spawn_guest_in() - the same in another guest domain: see stack_guest_add(). */
pid_t stack_spawn_guest_in(struct stack *st, uint32_t domid, char *const argv[], int pass_fd,
	unsigned flags);
/** stack_guest_reaped() - the caller waited for this command: stack_stop() need not end it. */
void stack_guest_reaped(struct stack *st, pid_t pid);

/**
 * stack_check() - whether the hypervisor, the store and the storage domain still run.
 *
 * A store or driver domain that ended is started again, with what it was: the store's
 * state, the domain's domid, ports and files. Not if it does so again and again: what a driver
 * domain that was named serves stands still then. Return: 0, or -EPIPE with @why naming
 * the one that ended and how, or why it does not come back.
 */
int stack_check(struct stack *st, char *why, size_t why_room);

/** stack_watch_fd() - readable when a part of the stack may have ended: see stack_check(). */
int stack_watch_fd(const struct stack *st);
/** stack_log_fd() - readable when a part of the stack has said something: see stack_pump(). */
int stack_log_fd(const struct stack *st);
/**
 * stack_pump() - show on stderr what the parts of the stack said, except for reasons that
 * stack_attach_disk() has given. To be called now and then while commands run; never blocks
 * on the parts.
 */
void stack_pump(struct stack *st);
/**
 * stack_log_take() - read what the parts said, as much as there is room for, and keep it for
 * stack_log_show(). A part publishes a reason before it logs it: who takes, then looks for the
 * reason, then shows, never shows a line whose reason he finds later.
 */
void stack_log_take(struct stack *st);
/** stack_log_show() - show the whole lines of what was taken, but for reasons that were given. */
void stack_log_show(struct stack *st);

/** struct stack_cpu - CPU time used so far by the parts of a stack, in seconds. */
struct stack_cpu {
	double hypervisor, store, daemon, backend;
};
/** stack_get_cpu() - from /proc; a part that is not there counts 0. */
void stack_get_cpu(const struct stack *st, struct stack_cpu *cpu);

uint32_t stack_guest_domid(const struct stack *st);
uint32_t stack_storage_domid(const struct stack *st);

/** stack_stop() - detach, end all children, remove the run directory. NULL is fine. */
void stack_stop(struct stack *st);

#endif

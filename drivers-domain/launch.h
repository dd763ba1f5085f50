/* SPDX-License-Identifier: MIT */
/* Starting a backend process: which program serves a kind, fork, exec, descriptors. */
#ifndef SLUICE_DRIVERS_DOMAIN_LAUNCH_H
#define SLUICE_DRIVERS_DOMAIN_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/cleanup.h"

/**
 * Exit statuses that a backend speaks with: LAUNCH_EXIT_CLEAN its device was removed;
 * LAUNCH_EXIT_STORAGE it cannot serve what is configured and its error node says why.
 * Anything else is a crash.
 */
#define LAUNCH_EXIT_CLEAN 0
#define LAUNCH_EXIT_STORAGE 2

/** struct launch_kind - a kind of device that is served. */
struct launch_kind {
	const char *kind;    /* as in backend/KIND */
	const char *folder;  /* of its program in a build tree */
	const char *name;
	bool makes_interfaces; /* in our network namespace: it begins in our user namespace */
	char *program;       /* its path, malloc'ed; NULL: not there */
};

/** launch_kinds - the table, ended by a NULL kind; programs filled by launch_find_programs(). */
extern struct launch_kind launch_kinds[];

/** launch_kind_find() - NULL: a kind that nothing here serves. */
struct launch_kind *launch_kind_find(const char *kind);
/** launch_override() - "KIND=PATH" from the command line. 0, -EINVAL, -ENOENT (unknown kind). */
int launch_override(const char *text) must_check;
/** launch_find_programs() - look up what was not overridden; what is missing is logged. */
void launch_find_programs(void);
void launch_free_programs(void);

/** struct launch - what to start. All is the caller's and stays so. */
struct launch {
	const char *program;
	int program_fd;        /* execute this instead of what has that path now; or -1 */
	const char *leaf;      /* --backend= */
	const char *journal;   /* --journal= */
	int lock_fd;           /* inherited; to be read only */
	int pid_fd;            /* the backend's id is written to it; of the same file; or -1 */
	int metrics_fd;        /* inherited as --metrics=fd:N, or negative */
	bool keep_user;        /* it begins in our user namespace: it needs our rights to open what it serves */
	unsigned dwell_ms;     /* that it stays at InitWait for the toolstack's sake */
	int hypervisor_fd;     /* its connection to the hypervisor, or -1 */
	int store_fd;          /* O_PATH, of the socket that is its XENSTORED_PATH; or -1 */
	const char *format_socket; /* of its device's format server; NULL: there is none */
	const char *argument;  /* not NULL: all that it is told, and store_fd just a descriptor */
	bool die_with_us;
	const struct cgroup *cgroup; /* NULL: none */
	const char *label;     /* of the device, for its group */
};

/**
 * launch_spawn() - start a backend in its own process group, with no descriptor of ours.
 * @ready_fd: the read end that its READY comes from; non-blocking, the caller's
 *
 * It inherits our environment and stderr, has /dev/null as stdin, and knows its READY
 * descriptor by --ready-fd. Return: its id, or -errno, also of a failed exec.
 */
pid_t launch_spawn(const struct launch *l, int *ready_fd) must_check;

/**
 * launch_script() - start @path with @arguments behind its name, in its own process group, with
 * /dev/null as its input, our stderr as its output and no other descriptor of ours.
 *
 * It does not outlive us. Return: its id or -errno; 127 is its status when it cannot be executed.
 */
pid_t launch_script(const char *path, const char *const *arguments, char *const *env) must_check;

/**
 * launch_question() - start @path with @arguments, in its own process group, with /dev/null as its input.
 * @fd: where its output comes from; non-blocking, the caller's
 *
 * Return: its id or -errno.
 */
pid_t launch_question(const char *path, const char *const *arguments, int *fd) must_check;

#endif

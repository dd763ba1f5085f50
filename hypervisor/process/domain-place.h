/* SPDX-License-Identifier: MIT */
/*
 * Putting files of the host into a domain's own root directory, when that is made and
 * while the domain runs.
 */
#ifndef SLUICE_HYPERVISOR_PROCESS_DOMAIN_PLACE_H
#define SLUICE_HYPERVISOR_PROCESS_DOMAIN_PLACE_H

#include <stdbool.h>

#include "common/cleanup.h"

/** DOMAIN_ALLOWED_MAX - most paths that one domain is given. */
#define DOMAIN_ALLOWED_MAX 512u

/** struct domain_allowed - a file, device or directory with all in it. */
struct domain_allowed {
	char *at;   /* where the domain has it: absolute */
	char *from; /* what it is on the host: no symbolic link in it */
	bool readonly;
	int tree;   /* a copy of its mounts, or -1 */
};

/** struct domain_list - what a domain is allowed; all zero: nothing. */
struct domain_list {
	struct domain_allowed *allowed;
	unsigned count;
};

/**
 * domain_list_add() - allow @path, at its own place and, if symbolic links led there, at
 * the one that was named; with a block device come the limits of its queue.
 *
 * Return: 0 or -errno: -E2BIG too many, -EINVAL it is the root directory.
 */
int domain_list_add(struct domain_list *list, const char *path, bool readonly) must_check;
/** domain_list_add_at() - @from of the host, at another place. 0 or -errno. */
int domain_list_add_at(struct domain_list *list, const char *at, const char *from, bool readonly)
	must_check;
/**
 * domain_list_open() - open them all, in the namespace that has them; what is in another
 * comes after it then.
 * @failed: receives the path that made it fail, borrowed
 *
 * Return: 0 or -errno.
 */
int domain_list_open(struct domain_list *list, const char **failed) must_check;
/**
 * domain_list_place() - put them at their places in the root directory that is the
 * caller's now and can be written. What is there already as it is to be stays.
 * Nothing is made in a directory of the host. Return: 0 or -errno.
 */
int domain_list_place(const struct domain_list *list, const char **failed) must_check;
/**
 * domain_tree_part() - part a copy of mounts, as open_tree(2) makes it, from where it was taken:
 * what is mounted there later, writable perhaps, does not appear in it. Return: 0 or -errno.
 */
int domain_tree_part(int tree, bool readonly) must_check;
/** domain_place_forget() - remove what was made to mount @at on, when nothing is mounted there. */
int domain_place_forget(const char *at);
/** domain_list_dispose() - may be called twice. */
void domain_list_dispose(struct domain_list *list);

#endif

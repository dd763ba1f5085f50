/* SPDX-License-Identifier: MIT */
/*
 * What clients do with nodes, under the rules of permissions and quotas. Paths
 * are absolute and valid. Every call changes all or nothing. Errors are
 * 0/-errno as clients see them: where a client may not know whether a node
 * exists, the answer is -EACCES. Pure.
 */
#ifndef SLUICE_HYPERVISOR_STORE_OPS_H
#define SLUICE_HYPERVISOR_STORE_OPS_H

#include "hypervisor/store/conn.h"

/** struct op - one request's view of the tree. */
struct op {
	struct conn *conn;
	struct view view;
	struct change_list *changes; /* receives what watches may want to know */
};

/** op_find() - a node on which the client has all of @access; borrowed. */
int op_find(const struct op *op, const char *path, unsigned access,
	struct node **node) must_check;
/** op_write() - set a value; makes the node and its parents if need be. */
int op_write(const struct op *op, const char *path, const void *value,
	size_t len) must_check;
/** op_mkdir() - make a node and its parents unless it is there. */
int op_mkdir(const struct op *op, const char *path) must_check;
/** op_rm() - remove a node and all below it; fine if only its parent exists. */
int op_rm(const struct op *op, const char *path) must_check;
/** op_set_perms() - only the owner; who is not privileged cannot give a node away. */
int op_set_perms(const struct op *op, const char *path, const struct perm *perms,
	unsigned count) must_check;

#endif

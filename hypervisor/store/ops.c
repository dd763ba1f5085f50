// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/store/path.h"

/* The nearest existing node above @path; @at receives its path. */
static int op_find_ancestor(const struct op *op, const char *path,
	char at[STORE_PATH_SIZE], struct node **node)
{
	int rc;

	snprintf(at, STORE_PATH_SIZE, "%s", path);
	do {
		path_to_parent(at);
		rc = view_get(&op->view, at, node);
	} while (rc == -ENOENT && at[0] == '/' && at[1]);
	return rc;
}

/* An absence is told to those only who have the right on what is above. */
static int op_tell_absence(const struct op *op, const char *path, unsigned access)
{
	char at[STORE_PATH_SIZE];
	struct node *above;
	int rc = op_find_ancestor(op, path, at, &above);

	if (rc < 0)
		return rc == -ENOENT ? -EACCES : rc;
	return conn_access(op->conn, above) & access ? -ENOENT : -EACCES;
}

int op_find(const struct op *op, const char *path, unsigned access, struct node **node)
{
	int rc = view_get(&op->view, path, node);

	if (rc == -ENOENT)
		return op_tell_absence(op, path, access);
	if (rc < 0)
		return rc;
	return (conn_access(op->conn, *node) & access) == access ? 0 : -EACCES;
}

/* May @node take the place of what is there? */
static int op_check_node(const struct op *op, const struct node *node, size_t growth)
{
	const struct quota_limits *limits = op->view.limits;
	int rc;

	if (!limits)
		return 0;
	rc = quota_check(node_size(node), 0, limits->node_size, -ENOSPC);
	if (rc < 0)
		return rc;
	return quota_check_memory(limits, op->view.account, growth);
}

/* Takes @node over, also when it fails. */
static int op_put(const struct op *op, struct node *node, const struct node *old)
{
	size_t was = old ? node_memory(old) : 0, is = node_memory(node);
	int rc = op_check_node(op, node, is > was ? is - was : 0);

	if (rc == 0)
		rc = view_put(&op->view, node);
	if (rc < 0)
		node_unref(node);
	return rc;
}

/* A new node below @parent: its permissions, but who is not privileged owns what it makes. */
static struct node *op_new_node(const struct op *op, const char *path,
	const struct node *parent)
{
	struct node *node = node_new(path);

	if (!node)
		return NULL;
	if (node_set_perms(node, parent->perms, parent->perm_count) < 0) {
		node_unref(node);
		return NULL;
	}
	if (op->view.limits && node->perm_count)
		node->perms[0].domid = op->conn->domid;
	return node;
}

/*
 * All nodes that making one path needs, and the changed one above them. They
 * are made first and put later, so that a refusal leaves no trace.
 */
struct op_chain {
	struct node *parent;  /* the existing one, with its new child */
	const struct node *was;
	struct node **made;
	unsigned count;
};

static void op_chain_dispose(struct op_chain *chain)
{
	node_unref(chain->parent);
	for (unsigned i = 0; i < chain->count; i++)
		node_unref(chain->made[i]);
	free(chain->made);
}

/* The end of the part of @path that follows @at. */
static const char *op_next_part(const char *path, size_t at)
{
	const char *slash = strchr(path + at + 1, '/');

	return slash ? slash : path + strlen(path);
}

static int op_chain_add(const struct op *op, struct op_chain *chain, const char *path,
	size_t len)
{
	struct node *above = chain->count ? chain->made[chain->count - 1] : chain->parent;
	char at[STORE_PATH_SIZE];
	struct node *node;

	memcpy(at, path, len);
	at[len] = '\0';
	if (node_add_child(above, path_leaf(at)) < 0)
		return -ENOMEM;
	node = op_new_node(op, at, above);
	if (!node)
		return -ENOMEM;
	chain->made[chain->count++] = node;
	return 0;
}

static int op_chain_build(const struct op *op, struct op_chain *chain, const char *path,
	size_t existing)
{
	const char *end = path + strlen(path);
	unsigned parts = 0;
	int rc = 0;

	for (const char *p = path + existing; p < end; p = op_next_part(path, p - path))
		parts++;
	chain->made = calloc(parts, sizeof(*chain->made));
	if (!chain->made)
		return -ENOMEM;
	for (const char *p = path + existing; p < end && rc == 0;) {
		p = op_next_part(path, p - path);
		rc = op_chain_add(op, chain, path, p - path);
	}
	return rc;
}

static int op_chain_check(const struct op *op, const struct op_chain *chain)
{
	const struct quota_limits *limits = op->view.limits;
	size_t growth = node_memory(chain->parent) - node_memory(chain->was);
	int rc;

	if (!limits)
		return 0;
	rc = quota_check(view_owned(&op->view), chain->count, limits->nodes, -ENOSPC);
	for (unsigned i = 0; i < chain->count && rc == 0; i++) {
		growth += node_memory(chain->made[i]);
		rc = op_check_node(op, chain->made[i], growth);
	}
	return rc < 0 ? rc : op_check_node(op, chain->parent, growth);
}

static int op_chain_put(const struct op *op, struct op_chain *chain)
{
	unsigned i;
	int rc = 0;

	/* From the top, so that running out of memory half-way leaves a tree. */
	rc = view_put(&op->view, node_ref(chain->parent));
	if (rc < 0) {
		node_unref(chain->parent);
		return rc;
	}
	for (i = 0; i < chain->count && rc == 0; i++) {
		rc = view_put(&op->view, node_ref(chain->made[i]));
		if (rc < 0)
			node_unref(chain->made[i]);
	}
	return rc;
}

/* Make a node that op_find() said -ENOENT of. */
static int op_create(const struct op *op, const char *path, const void *value, size_t len)
{
	char at[STORE_PATH_SIZE];
	struct op_chain chain = { .parent = NULL };
	struct node *above;
	int rc = op_find_ancestor(op, path, at, &above);

	if (rc < 0)
		return rc;
	chain.was = above;
	chain.parent = node_clone(above);
	if (!chain.parent)
		return -ENOMEM;
	/* The root's own slash is the first part's as well. */
	rc = op_chain_build(op, &chain, path, at[1] ? strlen(at) : 0);
	if (rc == 0)
		rc = node_set_value(chain.made[chain.count - 1], value, len);
	if (rc == 0)
		rc = op_chain_check(op, &chain);
	if (rc == 0)
		rc = view_tell(&op->view, op->changes, path, NULL, false);
	if (rc == 0)
		rc = op_chain_put(op, &chain);
	op_chain_dispose(&chain);
	return rc;
}

int op_write(const struct op *op, const char *path, const void *value, size_t len)
{
	struct node *old, *node;
	int rc = op_find(op, path, XS_PERM_WRITE, &old);

	if (rc == -ENOENT)
		return op_create(op, path, value, len);
	if (rc < 0)
		return rc;
	node = node_clone(old);
	if (!node)
		return -ENOMEM;
	rc = node_set_value(node, value, len);
	if (rc == 0)
		rc = view_tell(&op->view, op->changes, path, NULL, false);
	if (rc < 0) {
		node_unref(node);
		return rc;
	}
	return op_put(op, node, old);
}

int op_mkdir(const struct op *op, const char *path)
{
	struct node *node;
	int rc = op_find(op, path, XS_PERM_WRITE, &node);

	return rc == -ENOENT ? op_create(op, path, NULL, 0) : rc;
}

int op_set_perms(const struct op *op, const char *path, const struct perm *perms,
	unsigned count)
{
	const struct quota_limits *limits = op->view.limits;
	struct node *old, *node;
	int rc = op_find(op, path, XS_PERM_WRITE | XS_PERM_OWNER, &old);

	if (rc < 0)
		return rc;
	if (limits && perms[0].domid != node_owner(old))
		return -EPERM;
	if (limits && count > limits->permissions)
		return -ENOSPC;
	node = node_clone(old);
	if (!node)
		return -ENOMEM;
	rc = node_set_perms(node, perms, count);
	/*
	 * Who could read it before is told, too: it is as if it went away. Watches
	 * of special nodes are for what they stand for alone.
	 */
	if (rc == 0 && path[0] == '/')
		rc = view_tell(&op->view, op->changes, path, old, false);
	if (rc < 0) {
		node_unref(node);
		return rc;
	}
	return op_put(op, node, old);
}

/* A growing list of references. */
struct op_list {
	struct node **nodes;
	size_t count, room;
};

static void op_list_dispose(struct op_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		node_unref(list->nodes[i]);
	free(list->nodes);
}

static int op_list_add(struct op_list *list, struct node *node)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		struct node **nodes = realloc(list->nodes, room * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		list->nodes = nodes;
		list->room = room;
	}
	list->nodes[list->count++] = node_ref(node);
	return 0;
}

static int op_list_children(const struct op *op, struct op_list *list,
	const struct node *node)
{
	char path[STORE_PATH_SIZE];
	const char *name;

	for (size_t at = 0; at < node->children_len; at += strlen(name) + 1) {
		struct node *child;
		int rc;

		name = node->children + at;
		snprintf(path, sizeof(path), "%s/%s", node->path, name);
		rc = view_get(&op->view, path, &child);
		/* The lists are ours: a name without a node would be a fault in the tree. */
		if (rc == 0)
			rc = op_list_add(list, child);
		if (rc < 0)
			return rc == -ENOENT ? -EIO : rc;
	}
	return 0;
}

/* A node and all below it, parents first; in a loop, for trees may be deep. */
static int op_list_subtree(const struct op *op, struct op_list *list, struct node *top)
{
	int rc = op_list_add(list, top);

	for (size_t i = 0; i < list->count && rc == 0; i++)
		rc = op_list_children(op, list, list->nodes[i]);
	return rc;
}

static int op_rm_changes(const struct op *op, const struct op_list *list)
{
	int rc = 0;

	for (size_t i = 0; i < list->count && rc == 0; i++)
		rc = view_tell(&op->view, op->changes, list->nodes[i]->path,
			list->nodes[i], i > 0);
	return rc;
}

static int op_rm_from_parent(const struct op *op, const char *path)
{
	char at[STORE_PATH_SIZE];
	struct node *parent, *node;
	int rc;

	snprintf(at, sizeof(at), "%s", path);
	path_to_parent(at);
	rc = view_get(&op->view, at, &parent);
	if (rc < 0)
		return rc;
	node = node_clone(parent);
	if (!node)
		return -ENOMEM;
	node_del_child(node, path_leaf(path));
	rc = view_put(&op->view, node);
	if (rc < 0)
		node_unref(node);
	return rc;
}

static int op_rm_subtree(const struct op *op, struct node *top)
{
	struct op_list list = { .nodes = NULL };
	int rc = op_list_subtree(op, &list, top);

	if (rc == 0)
		rc = op_rm_changes(op, &list);
	if (rc == 0)
		rc = op_rm_from_parent(op, list.nodes[0]->path);
	/* All were touched above, so that nothing can fail from here on. */
	for (size_t i = list.count; i > 0 && rc == 0; i--)
		rc = view_del(&op->view, list.nodes[i - 1]->path);
	op_list_dispose(&list);
	return rc;
}

int op_rm(const struct op *op, const char *path)
{
	char at[STORE_PATH_SIZE];
	struct node *node;
	int rc;

	if (path[1] == '\0')
		return -EINVAL;
	rc = op_find(op, path, XS_PERM_WRITE, &node);
	if (rc == 0)
		return op_rm_subtree(op, node);
	if (rc != -ENOENT)
		return rc;
	snprintf(at, sizeof(at), "%s", path);
	path_to_parent(at);
	return view_get(&op->view, at, &node);
}

/* SPDX-License-Identifier: MIT */
/*
 * The tree: a sorted map from absolute path to node. A node is never changed
 * once it is in the map: a change puts a new one in its place, so that a
 * transaction can keep what it read by holding a reference. Pure; no rule of
 * who may do what is known here.
 */
#ifndef SLUICE_HYPERVISOR_STORE_TREE_H
#define SLUICE_HYPERVISOR_STORE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hypervisor/store/perms.h"
#include "hypervisor/store/quota.h"

/** struct node - one node; made by node_new() or node_clone(), freed by its last unref. */
struct node {
	unsigned refs;
	uint64_t generation; /* of the last change; set by tree_put() */
	void *value;
	size_t value_len;
	char *children; /* the leaf names, each with its NUL, as DIRECTORY answers */
	size_t children_len;
	struct perm *perms;
	unsigned perm_count;
	char path[];
};

/** node_new() - an empty node with one reference; NULL without memory. */
struct node *node_new(const char *path);
/** node_clone() - a changeable copy with one reference; NULL without memory. */
struct node *node_clone(const struct node *node);
struct node *node_ref(struct node *node);
/** node_unref() - NULL is fine. */
void node_unref(struct node *node);

/** node_set_value() - copy a value in. 0 or -ENOMEM. */
int node_set_value(struct node *node, const void *value, size_t len) must_check;
/** node_set_perms() - copy a list in. 0 or -ENOMEM. */
int node_set_perms(struct node *node, const struct perm *perms, unsigned count) must_check;
/** node_set_children() - copy a list in: names, each with its NUL. 0 or -ENOMEM. */
int node_set_children(struct node *node, const char *names, size_t len) must_check;
/** node_add_child() - append a name that is not there yet. 0 or -ENOMEM. */
int node_add_child(struct node *node, const char *name) must_check;
/** node_del_child() - drop a name; fine if it is not there. */
void node_del_child(struct node *node, const char *name);

/** node_size() - what the node-size quota counts. */
size_t node_size(const struct node *node);
/** node_memory() - bytes of memory, what the memory quota counts. */
size_t node_memory(const struct node *node);
/** node_owner() - domid of the owner. */
uint32_t node_owner(const struct node *node);

/** tree_follow_fn - the node at @path changed; @node: NULL when it is no more. */
typedef void tree_follow_fn(void *opaque, const char *path, const struct node *node);

/** struct tree - all nodes. */
struct tree {
	void *root; /* of tsearch(3) */
	unsigned long count;
	uint64_t generation; /* counts changes; never 0 once there is a node */
	struct account *accounts; /* STORE_DOMIDS of them: each owner's nodes and memory */
	tree_follow_fn *follow;   /* told of each change; NULL: nobody */
	void *follow_opaque;
};

void tree_init(struct tree *tree, struct account *accounts);
void tree_dispose(struct tree *tree);
/** tree_find() - borrowed, valid until the path's next change; NULL if absent. */
struct node *tree_find(const struct tree *tree, const char *path);
/**
 * tree_put() - insert a node, or replace the one at its path.
 *
 * Takes the caller's reference on success and stamps a new generation. 0 or -ENOMEM.
 */
int tree_put(struct tree *tree, struct node *node) must_check;
/** tree_restore() - tree_put() of a node that keeps the generation it had. */
int tree_restore(struct tree *tree, struct node *node, uint64_t generation) must_check;
/** tree_follow() - have @fn called after each change from now on; NULL: nobody. */
void tree_follow(struct tree *tree, tree_follow_fn *fn, void *opaque);
/** tree_del() - remove the node at @path, not what is below; fine if absent. */
void tree_del(struct tree *tree, const char *path);
/** tree_walk() - call @fn for each node, in order of paths; @fn must not change the tree. */
void tree_walk(const struct tree *tree, void (*fn)(struct node *node, void *opaque),
	void *opaque);

#endif

// SPDX-License-Identifier: MIT
/*
 * tsearch(3) keeps the map: balanced, so that no choice of names by a guest
 * makes it slow, as it could with a hash.
 */
#include "config.h"
#include "hypervisor/store/tree.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

struct node *node_new(const char *path)
{
	size_t len = strlen(path) + 1;
	struct node *node = calloc(1, sizeof(*node) + len);

	if (!node)
		return NULL;
	node->refs = 1;
	memcpy(node->path, path, len);
	return node;
}

struct node *node_ref(struct node *node)
{
	node->refs++;
	return node;
}

void node_unref(struct node *node)
{
	if (!node || --node->refs > 0)
		return;
	free(node->value);
	free(node->children);
	free(node->perms);
	free(node);
}

/* Replace a malloc'ed block by a copy of other bytes; NULL when there are none. */
static int node_copy(void *slot, const void *data, size_t len)
{
	void **p = slot;
	void *copy = NULL;

	if (len) {
		copy = malloc(len);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, data, len);
	}
	free(*p);
	*p = copy;
	return 0;
}

int node_set_value(struct node *node, const void *value, size_t len)
{
	int rc = node_copy(&node->value, value, len);

	if (rc == 0)
		node->value_len = len;
	return rc;
}

int node_set_perms(struct node *node, const struct perm *perms, unsigned count)
{
	int rc = node_copy(&node->perms, perms, count * sizeof(*perms));

	if (rc == 0)
		node->perm_count = count;
	return rc;
}

int node_set_children(struct node *node, const char *names, size_t len)
{
	int rc = node_copy(&node->children, names, len);

	if (rc == 0)
		node->children_len = len;
	return rc;
}

struct node *node_clone(const struct node *node)
{
	struct node *copy = node_new(node->path);

	if (!copy)
		return NULL;
	copy->generation = node->generation;
	if (node_set_value(copy, node->value, node->value_len) < 0 ||
		node_set_perms(copy, node->perms, node->perm_count) < 0 ||
		node_set_children(copy, node->children, node->children_len) < 0) {
		node_unref(copy);
		return NULL;
	}
	return copy;
}

int node_add_child(struct node *node, const char *name)
{
	size_t len = strlen(name) + 1;
	char *children = realloc(node->children, node->children_len + len);

	if (!children)
		return -ENOMEM;
	memcpy(children + node->children_len, name, len);
	node->children = children;
	node->children_len += len;
	return 0;
}

void node_del_child(struct node *node, const char *name)
{
	size_t len = strlen(name) + 1;

	for (size_t at = 0; at < node->children_len; at += strlen(node->children + at) + 1) {
		if (strcmp(node->children + at, name) != 0)
			continue;
		node->children_len -= len;
		memmove(node->children + at, node->children + at + len,
			node->children_len - at);
		return;
	}
}

size_t node_size(const struct node *node)
{
	return node->value_len + node->children_len + node->perm_count * sizeof(struct perm);
}

size_t node_memory(const struct node *node)
{
	/* tsearch's own entry: a datum, two links, malloc's header. */
	return sizeof(*node) + strlen(node->path) + 1 + node_size(node) + 32;
}

uint32_t node_owner(const struct node *node)
{
	return node->perm_count ? node->perms[0].domid : 0;
}

/* The map's data are the nodes' own path strings, so that a path is its own key. */
static int tree_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static struct node *tree_node(char *path)
{
	return container_of(path, struct node, path);
}

void tree_init(struct tree *tree, struct account *accounts)
{
	*tree = (struct tree){ .accounts = accounts };
}

static void tree_free_node(void *path)
{
	node_unref(tree_node(path));
}

void tree_dispose(struct tree *tree)
{
	tdestroy(tree->root, tree_free_node);
	tree->root = NULL;
	tree->count = 0;
}

struct node *tree_find(const struct tree *tree, const char *path)
{
	char **slot = tfind(path, (void *const *)&tree->root, tree_compare);

	return slot ? tree_node(*slot) : NULL;
}

static void tree_charge(struct tree *tree, const struct node *node, bool add)
{
	struct account *account = &tree->accounts[node_owner(node)];
	size_t memory = node_memory(node);

	account->nodes += add ? 1 : -1ul;
	account->memory += add ? memory : -memory;
}

void tree_follow(struct tree *tree, tree_follow_fn *fn, void *opaque)
{
	tree->follow = fn;
	tree->follow_opaque = opaque;
}

/* Takes the caller's reference on success. */
static int tree_insert(struct tree *tree, struct node *node)
{
	char **slot = tsearch(node->path, &tree->root, tree_compare);

	if (!slot)
		return -ENOMEM;
	if (*slot == node->path) {
		tree->count++;
	} else {
		struct node *old = tree_node(*slot);

		tree_charge(tree, old, false);
		*slot = node->path;
		node_unref(old);
	}
	tree_charge(tree, node, true);
	return 0;
}

int tree_put(struct tree *tree, struct node *node)
{
	int rc = tree_insert(tree, node);

	if (rc < 0)
		return rc;
	node->generation = ++tree->generation;
	if (tree->follow)
		tree->follow(tree->follow_opaque, node->path, node);
	return 0;
}

int tree_restore(struct tree *tree, struct node *node, uint64_t generation)
{
	int rc = tree_insert(tree, node);

	if (rc < 0)
		return rc;
	node->generation = generation;
	if (generation > tree->generation)
		tree->generation = generation;
	return 0;
}

void tree_del(struct tree *tree, const char *path)
{
	struct node *node = tree_find(tree, path);

	if (!node)
		return;
	tdelete(path, &tree->root, tree_compare);
	tree_charge(tree, node, false);
	tree->count--;
	/* Removal is a change: what comes back at this path is another node. */
	tree->generation++;
	if (tree->follow)
		tree->follow(tree->follow_opaque, node->path, NULL);
	node_unref(node);
}

struct tree_walker {
	void (*fn)(struct node *node, void *opaque);
	void *opaque;
};

static void tree_visit(const void *slot, VISIT which, void *closure)
{
	struct tree_walker *walker = closure;

	if (which == postorder || which == leaf)
		walker->fn(tree_node(*(char *const *)slot), walker->opaque);
}

void tree_walk(const struct tree *tree, void (*fn)(struct node *node, void *opaque),
	void *opaque)
{
	struct tree_walker walker = { fn, opaque };

	twalk_r(tree->root, tree_visit, &walker);
}

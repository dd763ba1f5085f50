// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/transaction.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "hypervisor/store/path.h"

/* A path that the transaction touched. */
struct tx_entry {
	struct node *node;    /* as the transaction sees it; NULL: absent */
	uint64_t base;        /* generation found at the first touch; 0: absent */
	uint64_t since;       /* what was found had been so since this generation */
	uint64_t touched;     /* the tree's generation at the first touch */
	size_t charged;
	bool modified;
	bool told; /* a plain change is in the list: once is enough */
	char path[];
};

static int change_add(struct change_list *list, const char *path, struct node *old,
	bool exact)
{
	size_t len = strlen(path) + 1;
	struct change *change = malloc(sizeof(*change) + len);

	if (!change)
		return -ENOMEM;
	change->next = NULL;
	change->old = old ? node_ref(old) : NULL;
	change->exact = exact;
	memcpy(change->path, path, len);
	if (list->tail)
		list->tail->next = change;
	else
		list->head = change;
	list->tail = change;
	return 0;
}

void change_list_dispose(struct change_list *list)
{
	while (list->head) {
		struct change *change = list->head;

		list->head = change->next;
		node_unref(change->old);
		free(change);
	}
	list->tail = NULL;
}

/* The map's data are the entries' own paths, as in the tree. */
static int tx_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static struct tx_entry *tx_entry(char *path)
{
	return container_of(path, struct tx_entry, path);
}

static struct tx_entry *tx_find(const struct transaction *tx, const char *path)
{
	char **slot = tfind(path, (void *const *)&tx->entries, tx_compare);

	return slot ? tx_entry(*slot) : NULL;
}

/* What keeping the entry costs: also a version that the tree has dropped since. */
static size_t tx_entry_cost(const struct tx_entry *entry)
{
	return sizeof(*entry) + strlen(entry->path) + 1 + 32 +
		(entry->node ? node_memory(entry->node) : 0);
}

static void tx_charge(const struct view *view, struct tx_entry *entry)
{
	size_t cost = tx_entry_cost(entry);

	view->account->memory += cost - entry->charged;
	view->tx->memory += cost - entry->charged;
	entry->charged = cost;
}

static int tx_check_room(const struct view *view, size_t more)
{
	int rc;

	if (!view->limits)
		return 0;
	rc = quota_check(view->tx->count, 1, view->limits->transaction_nodes, -ENOSPC);
	if (rc < 0)
		return rc;
	return quota_check_memory(view->limits, view->account, more);
}

/*
 * Since when there is no node at @path: removing it changed the list of its
 * parent, removing that the list of its parent, and so on.
 */
static uint64_t tx_absent_since(const struct tree *tree, const char *path)
{
	char parent[STORE_PATH_SIZE];
	const struct node *node = NULL;

	snprintf(parent, sizeof(parent), "%s", path);
	while (!node && parent[0] == '/' && parent[1]) {
		path_to_parent(parent);
		node = tree_find(tree, parent);
	}
	return node ? node->generation : tree->generation;
}

/* Record the first touch of a path. */
static int tx_touch(const struct view *view, const char *path, struct tx_entry **out)
{
	struct node *node = tree_find(view->tree, path);
	size_t len = strlen(path) + 1;
	struct tx_entry *entry;
	int rc = tx_check_room(view, sizeof(*entry) + len + (node ? node_memory(node) : 0));

	if (rc < 0)
		return rc;
	entry = calloc(1, sizeof(*entry) + len);
	if (!entry)
		return -ENOMEM;
	memcpy(entry->path, path, len);
	if (!tsearch(entry->path, &view->tx->entries, tx_compare)) {
		free(entry);
		return -ENOMEM;
	}
	entry->touched = view->tree->generation;
	if (node) {
		entry->node = node_ref(node);
		entry->base = node->generation;
		entry->since = node->generation;
	} else {
		entry->since = tx_absent_since(view->tree, path);
	}
	view->tx->count++;
	tx_charge(view, entry);
	*out = entry;
	return 0;
}

static int tx_entry_get(const struct view *view, const char *path, struct tx_entry **entry)
{
	*entry = tx_find(view->tx, path);
	return *entry ? 0 : tx_touch(view, path, entry);
}

int view_get(const struct view *view, const char *path, struct node **node)
{
	struct tx_entry *entry;
	int rc;

	if (view->tx) {
		rc = tx_entry_get(view, path, &entry);
		if (rc < 0)
			return rc;
		*node = entry->node;
	} else {
		*node = tree_find(view->tree, path);
	}
	return *node ? 0 : -ENOENT;
}

/* Count the change of ownership that replacing @old by @new makes. */
static void tx_count_own(const struct view *view, const struct node *old,
	const struct node *new)
{
	if (old && node_owner(old) == view->domid)
		view->tx->own_nodes--;
	if (new && node_owner(new) == view->domid)
		view->tx->own_nodes++;
}

static int tx_replace(const struct view *view, const char *path, struct node *node)
{
	struct tx_entry *entry;
	int rc = tx_entry_get(view, path, &entry);

	if (rc < 0)
		return rc;
	tx_count_own(view, entry->node, node);
	node_unref(entry->node);
	entry->node = node;
	if (!entry->modified)
		view->tx->modified++;
	entry->modified = true;
	if (node) /* a listing in parts must notice changes inside the transaction too */
		node->generation = ++view->tree->generation;
	tx_charge(view, entry);
	return 0;
}

int view_put(const struct view *view, struct node *node)
{
	if (view->tx)
		return tx_replace(view, node->path, node);
	return tree_put(view->tree, node);
}

int view_del(const struct view *view, const char *path)
{
	if (view->tx)
		return tx_replace(view, path, NULL);
	tree_del(view->tree, path);
	return 0;
}

static int tx_tell(const struct view *view, struct change_list *list, const char *path,
	struct node *old, bool exact)
{
	size_t cost = sizeof(struct change) + strlen(path) + 1 + (old ? node_memory(old) : 0);
	struct tx_entry *entry = tx_find(view->tx, path);
	int rc = 0;

	if (entry && entry->told && !old)
		return 0;
	if (view->limits)
		rc = quota_check_memory(view->limits, view->account, cost);
	if (rc == 0)
		rc = change_add(list, path, old, exact);
	if (rc < 0)
		return rc;
	if (entry && !old)
		entry->told = true;
	view->account->memory += cost;
	view->tx->memory += cost;
	return 0;
}

int view_tell(const struct view *view, struct change_list *list, const char *path,
	struct node *old, bool exact)
{
	if (view->tx)
		return tx_tell(view, list, path, old, exact);
	return change_add(list, path, old, exact);
}

unsigned long view_owned(const struct view *view)
{
	return view->account->nodes + (view->tx ? view->tx->own_nodes : 0);
}

struct transaction *transaction_new(const struct view *view, uint32_t id)
{
	struct transaction *tx = calloc(1, sizeof(*tx));

	if (!tx)
		return NULL;
	tx->id = id;
	tx->memory = sizeof(*tx);
	view->account->memory += tx->memory;
	view->account->transactions++;
	return tx;
}

static void tx_entry_free(void *path)
{
	struct tx_entry *entry = tx_entry(path);

	node_unref(entry->node);
	free(entry);
}

void transaction_free(const struct view *view, struct transaction *tx)
{
	tdestroy(tx->entries, tx_entry_free);
	change_list_dispose(&tx->changes);
	view->account->memory -= tx->memory;
	view->account->transactions--;
	free(tx);
}

/*
 * Was there one moment at which all reads were true? Each was true since a
 * known generation, until now if it is still so, else at least until it was
 * read.
 */
struct tx_check {
	const struct tree *tree;
	uint64_t from;
	uint64_t until;
	bool changed;
};

static void tx_check_entry(const void *slot, VISIT which, void *closure)
{
	struct tx_check *check = closure;
	const struct tx_entry *entry;
	const struct node *now;

	if (which != postorder && which != leaf)
		return;
	entry = tx_entry(*(char *const *)slot);
	now = tree_find(check->tree, entry->path);
	if (entry->since > check->from)
		check->from = entry->since;
	if ((now ? now->generation : 0) == entry->base)
		return;
	check->changed = true;
	if (entry->touched < check->until)
		check->until = entry->touched;
}

struct tx_apply {
	struct tree *tree;
	int rc;
};

/* Insert what is new: only that needs memory, so only that can fail. */
static void tx_insert_entry(const void *slot, VISIT which, void *closure)
{
	struct tx_apply *apply = closure;
	struct tx_entry *entry;

	if (which != postorder && which != leaf)
		return;
	entry = tx_entry(*(char *const *)slot);
	if (!entry->modified || !entry->node || entry->base || apply->rc < 0)
		return;
	apply->rc = tree_put(apply->tree, node_ref(entry->node));
	if (apply->rc < 0)
		node_unref(entry->node);
}

/* Take back what tx_insert_entry() did. */
static void tx_uninsert_entry(const void *slot, VISIT which, void *closure)
{
	struct tx_apply *apply = closure;
	struct tx_entry *entry;

	if (which != postorder && which != leaf)
		return;
	entry = tx_entry(*(char *const *)slot);
	if (entry->modified && entry->node && !entry->base)
		tree_del(apply->tree, entry->path);
}

static void tx_apply_entry(const void *slot, VISIT which, void *closure)
{
	struct tx_apply *apply = closure;
	struct tx_entry *entry;

	if (which != postorder && which != leaf)
		return;
	entry = tx_entry(*(char *const *)slot);
	if (!entry->modified || !entry->base)
		return;
	if (!entry->node)
		tree_del(apply->tree, entry->path);
	else if (tree_put(apply->tree, node_ref(entry->node)) < 0)
		node_unref(entry->node); /* a replacement needs no memory */
}

int transaction_commit(const struct view *view)
{
	struct transaction *tx = view->tx;
	struct tx_check check = { .tree = view->tree, .until = UINT64_MAX };
	struct tx_apply apply = { .tree = view->tree };
	int rc;

	if (tx->lost)
		return -EAGAIN;
	twalk_r(tx->entries, tx_check_entry, &check);
	if (!tx->modified)
		return check.from <= check.until ? 0 : -EAGAIN;
	if (check.changed)
		return -EAGAIN;
	if (view->limits && tx->own_nodes > 0) {
		rc = quota_check(view->account->nodes, tx->own_nodes, view->limits->nodes,
			-ENOSPC);
		if (rc < 0)
			return rc;
	}
	twalk_r(tx->entries, tx_insert_entry, &apply);
	twalk_r(tx->entries, apply.rc < 0 ? tx_uninsert_entry : tx_apply_entry, &apply);
	return apply.rc;
}

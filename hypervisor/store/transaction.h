/* SPDX-License-Identifier: MIT */
/*
 * Transactions, and the one way to the tree with or without one.
 *
 * A transaction remembers for each node that it touched which version it found.
 * It commits if there is a moment at which all that it read was true together:
 * the moment of the commit if it wrote anything, any moment if it only read.
 * Else the answer is EAGAIN. Nothing is copied before it is touched. Pure.
 */
#ifndef SLUICE_HYPERVISOR_STORE_TRANSACTION_H
#define SLUICE_HYPERVISOR_STORE_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "hypervisor/store/tree.h"

/** struct change - something that watches may want to know. */
struct change {
	struct change *next;
	struct node *old; /* the node as it was, when it was removed or its permissions changed */
	bool exact;       /* for watches of this very path only: a node below a removed one */
	char path[];
};

/** struct change_list - in order; initialise with CHANGE_LIST_INIT. */
struct change_list {
	struct change *head;
	struct change *tail;
};
#define CHANGE_LIST_INIT { NULL, NULL }

/** change_list_dispose() - free all; the list is empty then. */
void change_list_dispose(struct change_list *list);

/** struct transaction - of one connection. */
struct transaction {
	struct transaction *next; /* of the same connection */
	uint32_t id;
	void *entries; /* of tsearch(3), by path */
	unsigned long count;
	unsigned long modified;
	long own_nodes; /* nodes that the connection's domain would own more */
	size_t memory;  /* charged to the connection's account */
	struct change_list changes;
	bool lost;      /* what it read and wrote is not known any more: it can only fail */
};

/** struct view - the tree as a request sees it. */
struct view {
	struct tree *tree;
	struct transaction *tx; /* NULL: none */
	uint32_t domid;
	struct account *account;           /* the domain's */
	const struct quota_limits *limits; /* NULL: none bind it */
};

/** transaction_new() - charged to the view's account; NULL without memory. */
struct transaction *transaction_new(const struct view *view, uint32_t id);
/** transaction_free() - abandons what was not committed. @view: its account. */
void transaction_free(const struct view *view, struct transaction *tx);

/**
 * transaction_commit() - try to make @view->tx's changes the tree's.
 *
 * The transaction is still to be freed; its change list is valid on success.
 * Return: 0; -EAGAIN: a conflict; -ENOSPC: over the node quota; -ENOMEM.
 */
int transaction_commit(const struct view *view) must_check;

/**
 * view_get() - find a node.
 * @node: borrowed, valid until the next change through any view
 *
 * Return: 0, -ENOENT, -ENOSPC (the transaction may touch no more nodes), -ENOMEM.
 */
int view_get(const struct view *view, const char *path, struct node **node) must_check;
/** view_put() - insert or replace; takes the caller's reference on success. */
int view_put(const struct view *view, struct node *node) must_check;
/** view_del() - remove one node; its parent's list is the caller's business. */
int view_del(const struct view *view, const char *path) must_check;
/**
 * view_tell() - note a change for watches; in a transaction it is charged to the account.
 * @list: a transaction's own, or the request's
 * @old: the node as it was, where who could read that may know; or NULL
 * @exact: only watches of this very path are meant
 *
 * Return: 0 or -ENOMEM (also the quota's).
 */
int view_tell(const struct view *view, struct change_list *list, const char *path,
	struct node *old, bool exact) must_check;
/** view_owned() - nodes that the view's domain owns, as far as this view knows. */
unsigned long view_owned(const struct view *view);

#endif

// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "hypervisor/store/conn.h"
#include "hypervisor/store/ops.h"
#include "hypervisor/store/path.h"
#include "hypervisor/store/state.h"
#include "hypervisor/store/watch.h"

/* Nodes that are no node's child: their permissions say who may watch them. */
static const char *const store_special[] = { "@introduceDomain", "@releaseDomain" };

/* Run a privileged operation that no connection asked for. */
struct store_hand {
	struct conn conn;
	struct change_list changes;
	struct op op;
};

static void store_hand_init(struct store *store, struct store_hand *hand)
{
	memset(hand, 0, sizeof(*hand));
	hand->conn.store = store;
	hand->op.conn = &hand->conn;
	hand->op.view.tree = &store->tree;
	hand->op.view.account = &store->accounts[0];
	hand->op.changes = &hand->changes;
}

static int store_make_top(struct store *store, const char *path)
{
	static const struct perm perms = { .domid = 0, .access = XS_PERM_NONE };
	struct node *node = node_new(path);
	int rc;

	if (!node)
		return -ENOMEM;
	rc = node_set_perms(node, &perms, 1);
	if (rc == 0)
		rc = tree_put(&store->tree, node);
	if (rc < 0)
		node_unref(node);
	return rc;
}

static int store_fill(struct store *store)
{
	struct store_hand hand;
	int rc = store_make_top(store, "/");

	for (unsigned i = 0; i < ARRAY_SIZE(store_special) && rc == 0; i++)
		rc = store_make_top(store, store_special[i]);
	store_hand_init(store, &hand);
	if (rc == 0)
		rc = op_mkdir(&hand.op, "/local/domain");
	if (rc == 0)
		rc = op_mkdir(&hand.op, "/tool/xenstored");
	change_list_dispose(&hand.changes);
	return rc;
}

struct store *store_new_empty(const struct quota_limits *limits, const struct store_ops *ops,
	void *opaque)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	/* Big, but a page of it costs memory only once a domain in it exists. */
	store->accounts = calloc(STORE_DOMIDS, sizeof(*store->accounts));
	store->limits = *limits;
	store->ops = ops;
	store->ops_opaque = opaque;
	tree_init(&store->tree, store->accounts);
	if (store->accounts)
		return store;
	store_free(store);
	return NULL;
}

struct store *store_new(const struct quota_limits *limits, const struct store_ops *ops,
	void *opaque)
{
	struct store *store = store_new_empty(limits, ops, opaque);

	if (!store || store_fill(store) == 0)
		return store;
	store_free(store);
	return NULL;
}

/* What store_load() kept for a ring that does not come back. */
static void store_drop_resumed(struct domain *domain)
{
	if (domain->resumed)
		conn_free(domain->resumed->conn);
	free(domain->resumed);
	domain->resumed = NULL;
}

static void store_detach(struct store *store, struct domain *domain)
{
	if (domain->transport)
		store->ops->detach(store->ops_opaque, domain->transport);
	domain->transport = NULL;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	state_stop(store);
	while (store->domains) {
		store_detach(store, store->domains);
		store_forget_domain(store, store->domains);
	}
	while (store->conns)
		conn_free(store->conns);
	tree_dispose(&store->tree);
	free(store->accounts);
	free(store);
}

void store_changed(struct store *store, struct change_list *changes)
{
	for (const struct change *change = changes->head; change; change = change->next)
		watch_fire(store, change);
	change_list_dispose(changes);
}

struct domain *store_find_domain(struct store *store, uint32_t domid)
{
	struct domain *domain = store->domains;

	while (domain && domain->domid != domid)
		domain = domain->next;
	return domain;
}

static int store_attach(struct store *store, struct domain *domain)
{
	return store->ops->attach(store->ops_opaque, domain->domid, domain->gfn, domain->port,
		&domain->transport);
}

static int store_attach_at(struct store *store, struct domain *domain, uint64_t gfn,
	uint32_t port)
{
	domain->gfn = gfn;
	domain->port = port;
	state_domain(store, domain);
	return store_attach(store, domain);
}

struct domain *store_add_domain(struct store *store, uint32_t domid)
{
	struct domain *domain = calloc(1, sizeof(*domain));

	if (!domain)
		return NULL;
	domain->domid = domid;
	domain->target = STORE_NO_DOMID;
	domain->next = store->domains;
	store->domains = domain;
	return domain;
}

void store_forget_domain(struct store *store, struct domain *domain)
{
	struct domain **link = &store->domains;

	while (*link != domain)
		link = &(*link)->next;
	*link = domain->next;
	for (struct domain *other = store->domains; other; other = other->next)
		if (other->target == domain->domid)
			other->target = STORE_NO_DOMID;
	store_drop_resumed(domain);
	free(domain);
}

struct conn *store_take_resumed(struct store *store, uint32_t domid, struct ring_pos *pos)
{
	struct domain *domain = store_find_domain(store, domid);
	struct conn *conn = NULL;

	if (!domain || !domain->resumed)
		return NULL;
	conn = domain->resumed->conn;
	*pos = domain->resumed->pos;
	free(domain->resumed);
	domain->resumed = NULL;
	return conn;
}

void store_resume(struct store *store)
{
	for (struct domain *domain = store->domains; domain; domain = domain->next) {
		int rc = store_attach(store, domain);

		if (rc < 0)
			log_warn("domain %u is not reached any more: %s; release or introduce it",
				domain->domid, strerror(-rc));
		store_drop_resumed(domain);
	}
}

static int store_introduce_new(struct store *store, uint32_t domid, uint64_t gfn,
	uint32_t port)
{
	struct domain *domain = store_add_domain(store, domid);
	int rc;

	if (!domain)
		return -ENOMEM;
	rc = store_attach_at(store, domain, gfn, port);
	if (rc < 0) {
		store_forget_domain(store, domain);
		state_released(store, domid);
		return rc;
	}
	log_info("domain %u is introduced", domid);
	watch_fire_special(store, store_special[0]);
	return 0;
}

int store_introduce(struct store *store, uint32_t domid, uint64_t gfn, uint32_t port)
{
	struct domain *domain = store_find_domain(store, domid);

	if (domid == 0 || domid >= STORE_DOMIDS || !store->ops)
		return -EINVAL;
	if (!domain)
		return store_introduce_new(store, domid, gfn, port);
	if (port == 0 && domain->transport)
		return 0;
	store_detach(store, domain);
	return store_attach_at(store, domain, gfn, port);
}

/* Nodes that have to do with a domain, found by a walk, changed after it. */
struct store_traces {
	uint32_t domid;
	struct node **nodes;
	size_t count, room;
	int rc;
};

static bool store_names(const struct node *node, uint32_t domid)
{
	for (unsigned i = 0; i < node->perm_count; i++)
		if (node->perms[i].domid == domid)
			return true;
	return false;
}

static void store_trace(struct node *node, void *opaque)
{
	struct store_traces *traces = opaque;

	if (traces->rc < 0 || !store_names(node, traces->domid))
		return;
	if (traces->count == traces->room) {
		size_t room = traces->room ? traces->room * 2 : 64;
		struct node **nodes = realloc(traces->nodes, room * sizeof(*nodes));

		if (!nodes) {
			traces->rc = -ENOMEM;
			return;
		}
		traces->nodes = nodes;
		traces->room = room;
	}
	traces->nodes[traces->count++] = node_ref(node);
}

/* Put a node without the entries that name a domain in its place. */
static int store_strip(struct store *store, const struct node *node, uint32_t domid)
{
	struct node *copy = node_clone(node);
	unsigned kept = 1;
	int rc;

	if (!copy)
		return -ENOMEM;
	for (unsigned i = 1; i < copy->perm_count; i++)
		if (copy->perms[i].domid != domid)
			copy->perms[kept++] = copy->perms[i];
	copy->perm_count = kept;
	rc = tree_put(&store->tree, copy);
	if (rc < 0)
		node_unref(copy);
	return rc;
}

static int store_forget_node(struct store *store, struct store_hand *hand,
	struct node *node, uint32_t domid)
{
	int rc;

	/* It may have gone with one above it, and another cannot have come. */
	if (tree_find(&store->tree, node->path) != node)
		return 0;
	if (node_owner(node) != domid)
		return store_strip(store, node, domid);
	/* Special nodes are nobody's children and stay; "/" as well. */
	if (node->path[0] == '@' || node->path[1] == '\0') {
		struct perm owner = { .domid = 0, .access = XS_PERM_NONE };

		return op_set_perms(&hand->op, node->path, &owner, 1);
	}
	rc = op_rm(&hand->op, node->path);
	return rc;
}

/* Leave nothing of a domain in the tree. */
static int store_forget(struct store *store, uint32_t domid)
{
	struct store_traces traces = { .domid = domid };
	struct store_hand hand;
	int rc;

	tree_walk(&store->tree, store_trace, &traces);
	rc = traces.rc;
	store_hand_init(store, &hand);
	for (size_t i = 0; i < traces.count; i++) {
		/* A failed one does not spare the others. */
		int one = store_forget_node(store, &hand, traces.nodes[i], domid);

		rc = rc < 0 ? rc : one;
		node_unref(traces.nodes[i]);
	}
	free(traces.nodes);
	store_changed(store, &hand.changes);
	return rc;
}

int store_release(struct store *store, uint32_t domid)
{
	struct domain *domain = store_find_domain(store, domid);
	int rc;

	if (!domain)
		return -ENOENT;
	store_detach(store, domain);
	rc = store_forget(store, domid);
	/* It stays introduced then, so that RELEASE can be asked for again. */
	if (rc < 0) {
		log_err("domain %u cannot be forgotten: %s", domid, strerror(-rc));
		return rc;
	}
	store_forget_domain(store, domain);
	state_released(store, domid);
	log_info("domain %u is released", domid);
	watch_fire_special(store, store_special[1]);
	return 0;
}

struct store_checker {
	struct store *store;
	unsigned long listed; /* children in all lists */
	unsigned long owned;  /* nodes as the accounts have them */
	unsigned faults;
};

static int store_compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Is each child listed once? Without memory to find out nothing is said against it. */
static bool store_names_differ(const struct node *node)
{
	size_t count = 0, n = 0;
	const char **names;
	bool differ = true;

	for (size_t at = 0; at < node->children_len; at += strlen(node->children + at) + 1)
		count++;
	names = count < 2 ? NULL : malloc(count * sizeof(*names));
	if (!names)
		return true;
	for (size_t at = 0; at < node->children_len; at += strlen(node->children + at) + 1)
		names[n++] = node->children + at;
	qsort(names, count, sizeof(*names), store_compare_names);
	for (n = 1; n < count && differ; n++)
		differ = strcmp(names[n - 1], names[n]) != 0;
	free(names);
	return differ;
}

static void store_check_node(struct node *node, void *opaque)
{
	struct store_checker *checker = opaque;
	char path[STORE_PATH_SIZE];
	const char *name;

	if (!store_names_differ(node)) {
		checker->faults++;
		log_err("the tree is damaged: a child of %s is listed twice", node->path);
	}
	for (size_t at = 0; at < node->children_len; at += strlen(name) + 1) {
		size_t len;

		name = node->children + at;
		len = snprintf(path, sizeof(path), "%s/%s", node->path[1] ? node->path : "", name);
		checker->listed++;
		if (*name && !strchr(name, '/') && len < sizeof(path) &&
			tree_find(&checker->store->tree, path))
			continue;
		checker->faults++;
		log_err("the tree is damaged: %s is listed but not there", path);
	}
	if (node->perm_count == 0) {
		checker->faults++;
		log_err("the tree is damaged: %s has no owner", node->path);
	}
}

static void store_check_top(struct store_checker *checker, const char *path)
{
	if (tree_find(&checker->store->tree, path))
		return;
	checker->faults++;
	log_err("the tree is damaged: there is no %s", path);
}

unsigned store_check(struct store *store)
{
	struct store_checker checker = { .store = store };

	tree_walk(&store->tree, store_check_node, &checker);
	store_check_top(&checker, "/");
	for (unsigned i = 0; i < ARRAY_SIZE(store_special); i++)
		store_check_top(&checker, store_special[i]);
	for (unsigned i = 0; i < STORE_DOMIDS; i++)
		checker.owned += store->accounts[i].nodes;
	/* Only "/" and the special nodes are in no list. */
	if (checker.listed + 1 + ARRAY_SIZE(store_special) != store->tree.count) {
		checker.faults++;
		log_err("the tree is damaged: %lu nodes, %lu listed", store->tree.count,
			checker.listed);
	}
	if (checker.owned != store->tree.count) {
		checker.faults++;
		log_err("accounts are wrong: %lu nodes, %lu owned", store->tree.count,
			checker.owned);
	}
	return checker.faults;
}

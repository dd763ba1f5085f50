/* SPDX-License-Identifier: MIT */
/*
 * The store as a whole: tree, watches, domains and connections. It knows no
 * socket and no ring: transports make connections, feed them bytes and take
 * bytes from them (conn.h). One thread. Pure.
 */
#ifndef SLUICE_HYPERVISOR_STORE_STORE_H
#define SLUICE_HYPERVISOR_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "hypervisor/store/transaction.h"
#include "hypervisor/store/tree.h"

struct conn;
struct state;

/** struct domain - an introduced domain. */
struct domain {
	struct domain *next;
	uint32_t domid;
	uint32_t target; /* whose rights it has as well; STORE_NO_DOMID: none */
	uint64_t gfn;    /* as introduced */
	uint32_t port;
	void *transport; /* what attach() gave */
	struct resumed *resumed; /* its ring's connection, until attach() takes it; NULL: none */
};

/** struct ring_pos - the store's side of a domain's ring. */
struct ring_pos {
	uint32_t req_cons;
	uint32_t rsp_prod;
	uint32_t error; /* XENSTORE_ERROR_; but for _NONE it waits for a reconnection */
};

/** struct resumed - what a loaded store knows of a ring that is not attached yet. */
struct resumed {
	struct conn *conn;
	struct ring_pos pos;
};

/** struct store_ops - how introduced domains are reached. */
struct store_ops {
	/**
	 * @attach: open the way to a domain.
	 * @gfn, @port: as introduced; both 0: a process domain
	 * @transport: receives what detach() is to be given
	 *
	 * Return: 0 or -errno, one of xs_wire.h's.
	 */
	int (*attach)(void *opaque, uint32_t domid, uint64_t gfn, uint32_t port,
		void **transport);
	/** @detach: close it, and all connections of the domain. */
	void (*detach)(void *opaque, void *transport);
};

struct store {
	struct tree tree;
	void *watches; /* of tsearch(3): watch.c */
	struct domain *domains;
	struct conn *conns;
	struct quota_limits limits;
	const struct store_ops *ops;
	void *ops_opaque;
	struct account *accounts; /* STORE_DOMIDS of them */
	struct state *state;      /* state.h; NULL: nothing is kept */
};

/**
 * store_new() - a store with the nodes that every store begins with.
 * @limits: copied
 * @ops: kept; NULL: nothing can be introduced
 *
 * Return: NULL without memory.
 */
struct store *store_new(const struct quota_limits *limits, const struct store_ops *ops,
	void *opaque);
/** store_new_empty() - without any node; not a store yet. NULL without memory. */
struct store *store_new_empty(const struct quota_limits *limits, const struct store_ops *ops,
	void *opaque);
/** store_free() - detach all domains, free all. Connections not theirs must be closed before. */
void store_free(struct store *store);

/** store_changed() - tell the watches; the list is empty then. */
void store_changed(struct store *store, struct change_list *changes);

/** store_find_domain() - NULL when it is not introduced. */
struct domain *store_find_domain(struct store *store, uint32_t domid);
/**
 * store_introduce() - introduce a domain and tell watches of @introduceDomain.
 *
 * A process domain that is already there stays as it is; a ring is attached anew.
 * Return: 0, -EINVAL for 0 and domids that no domain has, or attach()'s error.
 */
int store_introduce(struct store *store, uint32_t domid, uint64_t gfn,
	uint32_t port) must_check;
/**
 * store_release() - a domain is gone.
 *
 * Its connections end with their watches and transactions. What it owned is removed,
 * and entries that name it go from the permissions of all other nodes, so that a later
 * domain of this domid inherits no right. Watches of @releaseDomain are told.
 * Return: 0, or -ENOENT: not introduced.
 */
int store_release(struct store *store, uint32_t domid) must_check;

/** store_forget_domain() - take it off the list; nothing else. */
void store_forget_domain(struct store *store, struct domain *domain);
/** store_add_domain() - put one on the list, not attached; NULL without memory. */
struct domain *store_add_domain(struct store *store, uint32_t domid);
/**
 * store_resume() - attach all domains of a loaded store.
 *
 * One that cannot be reached any more stays introduced, without connection.
 */
void store_resume(struct store *store);
/**
 * store_take_resumed() - for attach(): the connection that the domain's ring had.
 * @pos: receives where the ring was
 *
 * Return: the caller's, or NULL: there is none, the ring is new.
 */
struct conn *store_take_resumed(struct store *store, uint32_t domid, struct ring_pos *pos);

/** store_check() - verify the tree: parents, lists, accounts. Returns the number of faults, logged. */
unsigned store_check(struct store *store);

#endif

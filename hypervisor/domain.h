/* SPDX-License-Identifier: MIT */
/*
 * A domain as the state machines see it: an identity, event channels, grants.
 * Knows no sockets and no KVM; what a kind of domain does differently sits
 * behind struct domain_ops.
 *
 * Locking: one lock per domain. Whoever needs two takes them with
 * domain_lock_pair(), which orders them by domid. With a domain's lock held only
 * the set's may be taken, briefly, and ops called under it must not block.
 */
#ifndef SLUICE_HYPERVISOR_DOMAIN_H
#define SLUICE_HYPERVISOR_DOMAIN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>

#include "common/cleanup.h"
#include "hypervisor/event.h"
#include "hypervisor/grant.h"

#define DOMAIN_PAGE_SIZE 4096u

struct domain;

/** struct frame_place - a page as a part of a memfd. */
struct frame_place {
	int fd; /* stays its owner's */
	uint64_t offset;
};

/** struct domain_ops - what a kind of domain (process, vm) supplies. */
struct domain_ops {
	/**
	 * @raise: make @port of @d pending. Called under @d's lock; never blocks.
	 * Raising a port that is pending already changes nothing.
	 */
	void (*raise)(struct domain *d, uint32_t port);
	/** @link_free: the last end of a channel that had @link is closed; NULL if unused. */
	void (*link_free)(struct domain *d, void *link);
	/**
	 * @bound: @port of @d, which has a link, is connected with a port of @remote, a domain of
	 * the other kind. 0, or -errno, which undoes the connection. @unbound: the same two are
	 * about to part; both are still INTERDOMAIN. NULL if unused. Under both locks; must not block.
	 */
	int (*bound)(struct domain *d, uint32_t port, struct domain *remote);
	void (*unbound)(struct domain *d, uint32_t port, struct domain *remote);
	/**
	 * @frame_hold: the page that a grant entry names, as DOMAIN_PAGE_SIZE bytes, or NULL.
	 * It stays where it is until @frame_release by the same thread. The grant is pinned (or
	 * the frame is the caller's own); no lock is needed, and none of a domain may be taken
	 * while a page is held.
	 */
	void *(*frame_hold)(struct domain *d, uint32_t frame, bool write);
	void (*frame_release)(struct domain *d, uint32_t frame);
	/**
	 * @frame_locate: where the page is, for mapping it into a vm, while it is pinned.
	 * 0, or -errno where it cannot be mapped (but perhaps copied). Under @d's lock.
	 * Each that succeeded has its @frame_unlocate, under @d's lock, too.
	 */
	int (*frame_locate)(struct domain *d, uint32_t frame, struct frame_place *place);
	void (*frame_unlocate)(struct domain *d, uint32_t frame);
	/** @grant_idle: the last pin of @ref has gone; NULL if unused. Under @d's lock. */
	void (*grant_idle)(struct domain *d, uint32_t ref);
	/** @vm: these are the operations of a vm, see vm_is(). */
	bool vm;
	/** @release: the last reference has gone; frees the domain's memory. No lock held. */
	void (*release)(struct domain *d);
};

/** struct domain - embedded in what a kind of domain adds. */
struct domain {
	uint32_t domid;
	char name[64];
	const struct domain_ops *ops;
	pthread_mutex_t lock;
	unsigned refs; /* under the set's lock */
	struct event_table events;
	struct grant_table grants;
	struct grant_maptrack maptrack;
};

/** struct domain_set - the living domains by domid. */
struct domain_set {
	pthread_mutex_t lock;
	struct domain *by_id[DOMID_FIRST_RESERVED];
};

/** struct domain_limits - sizes fixed at a domain's creation. */
struct domain_limits {
	uint32_t max_ports;   /* highest number of event channels in use, at most EVENT_MAX_PORTS */
	uint32_t max_grants;  /* entries of its grant table, reserved ones included */
	uint32_t max_mapped;  /* pages of others it may have mapped */
};

void domain_set_init(struct domain_set *set);
void domain_set_fini(struct domain_set *set);

/**
 * domain_init() - make an empty domain with one reference, the caller's.
 * @grant_entries: its grant table, @limits->max_grants entries, which stay the
 *	caller's and outlive the domain
 *
 * Return: 0, -ENOMEM.
 */
int domain_init(struct domain *d, const char *name, const struct domain_ops *ops,
	const struct domain_limits *limits, grant_entry_v1_t *grant_entries) must_check;
/** domain_fini() - free what domain_init() made; called from ops->release. */
void domain_fini(struct domain *d);

/**
 * domain_set_add() - enter @d under @domid, or under the lowest free one from 1 up
 * when @domid is DOMID_SELF. The set takes a reference.
 *
 * Return: 0, -EEXIST, -EINVAL (reserved domid), -ENOSPC (none free).
 */
int domain_set_add(struct domain_set *set, struct domain *d, uint32_t domid) must_check;
/**
 * domain_set_remove() - nobody finds @d from then on and its domid is free; the
 * set's reference is dropped. Its ports must have been closed.
 */
void domain_set_remove(struct domain_set *set, struct domain *d);

/**
 * domain_get() - find the domain that @self means by @domid, DOMID_SELF included,
 * and take a reference. NULL: there is none. @self may be NULL.
 */
struct domain *domain_get(struct domain_set *set, struct domain *self, uint32_t domid);
/** domain_hold() - another reference of a domain that the caller has one of. */
void domain_hold(struct domain_set *set, struct domain *d);
void domain_put(struct domain_set *set, struct domain *d);

void domain_lock(struct domain *d);
void domain_unlock(struct domain *d);
/** domain_lock_pair() - lock two domains, which may be the same. */
void domain_lock_pair(struct domain *a, struct domain *b);
void domain_unlock_pair(struct domain *a, struct domain *b);

#endif
